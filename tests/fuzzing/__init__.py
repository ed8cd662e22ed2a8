"""Requests that nobody would send, thousands of them, at both doors: by schemathesis, and by fuzzers of our own.

`make test` plays a short game that is the same every time (tests/test_fuzzing.py), `make fuzz` a long one (__main__.py here).
Routes come from the OpenAPI document and fields from the GraphQL schema, so what is new is fuzzed the day it appears.
"""
