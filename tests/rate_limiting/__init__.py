"""Tests of rate limits and of the concurrency limit."""
