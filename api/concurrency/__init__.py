"""Queues in front of the worker threads: one for each user, one for each anonymous client's address."""
