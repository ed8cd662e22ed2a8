"""The rules. Knows no web framework; every read and write of a user's data begins at a UserContext."""
