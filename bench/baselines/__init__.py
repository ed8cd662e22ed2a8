"""Baselines that the service is compared with."""
