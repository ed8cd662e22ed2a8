"""Tests of rate limits: policies, headers and storage."""
