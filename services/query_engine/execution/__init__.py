"""Execution: plans to results, within the budget of a request."""
