"""Tests of what only the REST API and its pages have."""
