"""Accounts: read, update and delete the authenticated user's account; delete the rows of deleted accounts in the background."""
