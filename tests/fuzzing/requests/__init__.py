"""Fuzzers of one kind of request each."""
