"""Fuzzers for both APIs: schemathesis, and fuzzers written for this service.

`make test` runs a short session that is the same every time (test_fuzzing.py), `make fuzz` a long one (__main__.py).
Routes come from the OpenAPI document and fields from the GraphQL schema, so new ones are fuzzed without a change here.
"""
