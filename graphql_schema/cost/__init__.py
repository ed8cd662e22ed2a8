"""Query cost analysis: what an operation costs, and its limits."""
