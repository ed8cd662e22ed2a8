"""Tests of accounts, login sessions and tokens."""
