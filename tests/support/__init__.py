"""Shared test helpers: API clients, users, the running service, data sets."""
