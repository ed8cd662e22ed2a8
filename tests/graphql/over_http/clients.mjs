// Runs Apollo and urql clients with automatic persisted queries: node clients.mjs URL TOKEN. Each client runs its query twice.
// Prints as JSON, for each client, the HTTP exchanges and the names in the results.
import { createHash } from 'node:crypto';

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

const [url, token] = process.argv.slice(2);
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

function recordingFetch(exchanges) {
  return async (address, options) => {
    const response = await fetch(address, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
    const parameters = options.method === 'GET' ? Object.fromEntries(new URL(address).searchParams) : JSON.parse(options.body);
    exchanges.push({
      method: options.method,
      document: 'query' in parameters,
      status: response.status,
      type: response.headers.get('content-type'),
    });
    return response;
  };
}

async function apollo() {
  const exchanges = [];
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
      new HttpLink({ uri: url, fetch: recordingFetch(exchanges) }),
    ]),
  });
  const query = gql`query ByApollo { viewer { name } }`;
  const names = [];
  for (let run = 0; run < 2; run++) names.push((await client.query({ query, fetchPolicy: 'network-only' })).data.viewer.name);
  return { exchanges, names };
}

async function urql() {
  const exchanges = [];
  const client = new Client({
    url,
    fetch: recordingFetch(exchanges),
    preferGetMethod: false,
    exchanges: [persistedExchange({ generateHash: async (query) => sha256(query), enableForMutation: true }), fetchExchange],
  });
  const names = [];
  for (let run = 0; run < 2; run++) names.push((await client.query('query ByUrql { viewer { name } }', {})).data.viewer.name);
  const changed = await client.mutation('mutation ByUrql { updateAccount(input: {name: "Ada"}) { user { name } } }', {});
  return { exchanges, names: [...names, changed.data.updateAccount.user.name] };
}

console.log(JSON.stringify({ apollo: await apollo(), urql: await urql() }));
