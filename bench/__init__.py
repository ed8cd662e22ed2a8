"""Benchmarks: the service against the usual ways to write it, on the same tables, in one run. Nothing imports this."""
