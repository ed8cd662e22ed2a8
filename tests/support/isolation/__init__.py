"""Helpers of the isolation tests: a scenario of two users, and requests for every route and field."""
