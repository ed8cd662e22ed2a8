"""Attacks by single clients, and what another user of the service notices of them."""
