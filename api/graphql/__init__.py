"""GraphQL over HTTP: the endpoint, request parsing, response rendering and the GraphiQL page."""
