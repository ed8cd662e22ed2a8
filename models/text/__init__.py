"""Text keys and search lexemes, which do not depend on the database."""
