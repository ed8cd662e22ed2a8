"""GraphQL types: objects, inputs, payloads, filters and sort orders."""
