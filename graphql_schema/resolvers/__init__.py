"""GraphQL resolvers of queries, mutations and account mutations."""
