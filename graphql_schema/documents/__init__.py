"""GraphQL documents: requests, validation, the operation cache, bind parameters and persisted documents."""
