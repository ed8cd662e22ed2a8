"""Base classes and field types of input schemas, and query parameters."""
