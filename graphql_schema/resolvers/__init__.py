"""GraphQL resolvers: queries, mutations, and mutations of the account."""
