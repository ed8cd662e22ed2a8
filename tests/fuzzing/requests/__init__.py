"""Fuzzers, each for one kind of request."""
