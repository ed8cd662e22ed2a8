"""Attacks on a running service, one module for each kind of resource. Each function runs one attack and returns its outcome."""
