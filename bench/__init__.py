"""Benchmarks: the service and baselines on the same tables, measured in one run. No other package imports this one."""
