"""Alembic migration scripts, run by `models/migrate.py`."""
