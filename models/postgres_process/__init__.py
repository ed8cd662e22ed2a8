"""Process of the embedded PostgreSQL: binaries, system user, data folder, socket, start, restart and stop."""
