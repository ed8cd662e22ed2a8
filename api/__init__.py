"""HTTP layer: REST and GraphQL endpoints, middleware, OpenAPI document, server options, settings and the `todo` command."""
