"""Alembic's scripts. `models/migrate.py` runs them."""
