"""Hypothesis strategies for the values that fuzzers send."""
