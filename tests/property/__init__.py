"""Property-based tests, with the generators and the reference executor that they need."""
