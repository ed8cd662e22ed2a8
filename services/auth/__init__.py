"""Authentication of requests, login sessions, API tokens and passwords."""
