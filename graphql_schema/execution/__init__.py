"""Execution of operations, and the rendering of their results."""
