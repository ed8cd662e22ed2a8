"""Row-level security: policies, and an audit that compares the database with them."""
