"""SQL statements, prepared on their connections, and their execution."""
