"""Row-level security: policies, and the audit that finds violations of it."""
