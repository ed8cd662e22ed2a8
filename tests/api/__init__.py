"""Tests of the REST API, and of rules that both APIs share."""
