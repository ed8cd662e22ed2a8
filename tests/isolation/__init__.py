"""Tests that users cannot reach rows of other users."""
