"""GraphQL documents: requests, validation, operation cache, bind parameters and persisted documents."""
