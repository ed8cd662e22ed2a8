"""One body, two doors; a real PostgreSQL, a real server, no mocks."""
