"""GraphQL schema and execution, independent of the web framework."""
