"""One-liners over the services."""
