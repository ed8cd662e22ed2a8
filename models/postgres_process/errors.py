"""Errors of the embedded PostgreSQL; their messages are one line."""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run."""


class EmbeddedMissingError(EmbeddedPostgresError):
    """The `embedded` extra is not installed, and DATABASE_URL is not set."""
