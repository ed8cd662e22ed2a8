"""Tests against a real PostgreSQL and a real server, most of them over both APIs."""
