"""Tests of texts: keys, search, limits, and texts in errors."""
