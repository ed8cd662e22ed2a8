// Lets real clients ask by hashes (Apollo's automatic persisted queries) at the address given, with the token given. Each asks
// twice. Prints as JSON what each sent, was answered, and made of it.
import { createHash } from 'node:crypto';

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

const [url, token] = process.argv.slice(2);
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

function recording(exchanges) {
  return async (address, options) => {
    const answer = await fetch(address, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
    const sent = options.method === 'GET' ? Object.fromEntries(new URL(address).searchParams) : JSON.parse(options.body);
    exchanges.push({
      method: options.method,
      document: 'query' in sent,
      status: answer.status,
      type: answer.headers.get('content-type'),
    });
    return answer;
  };
}

async function apollo() {
  const exchanges = [];
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
      new HttpLink({ uri: url, fetch: recording(exchanges) }),
    ]),
  });
  const query = gql`query ByApollo { viewer { name } }`;
  const answers = [];
  for (let turn = 0; turn < 2; turn++) answers.push((await client.query({ query, fetchPolicy: 'network-only' })).data.viewer.name);
  return { exchanges, answers };
}

async function urql() {
  const exchanges = [];
  const client = new Client({
    url,
    fetch: recording(exchanges),
    preferGetMethod: false,
    exchanges: [persistedExchange({ generateHash: async (query) => sha256(query), enableForMutation: true }), fetchExchange],
  });
  const answers = [];
  for (let turn = 0; turn < 2; turn++) answers.push((await client.query('query ByUrql { viewer { name } }', {})).data.viewer.name);
  const changed = await client.mutation('mutation ByUrql { updateAccount(input: {name: "Ada"}) { user { name } } }', {});
  return { exchanges, answers: [...answers, changed.data.updateAccount.user.name] };
}

console.log(JSON.stringify({ apollo: await apollo(), urql: await urql() }));
