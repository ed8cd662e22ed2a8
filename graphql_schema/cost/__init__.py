"""Query cost analysis: complexity of operations, and its limits."""
