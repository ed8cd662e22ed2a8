"""Schemathesis runs with hooks for this service."""
