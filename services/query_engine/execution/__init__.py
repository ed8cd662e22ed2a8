"""Execution: runs plans within the budget of a request."""
