"""Tests of quotas, their storages and the concurrency limit."""
