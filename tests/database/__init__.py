"""Tests of migrations, readiness, statement counts and connection poolers."""
