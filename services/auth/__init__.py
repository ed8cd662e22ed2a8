"""Authentication: who sent a request, and with which credential."""
