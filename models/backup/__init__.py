"""Backup and restore of a whole database with PostgreSQL's own programs, checked by counting rows."""
