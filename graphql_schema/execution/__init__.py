"""Execution of GraphQL operations, and their results."""
