"""Error of backup and restore."""


class BackupError(Exception):
    """A backup was not written, or not restored; the message is one line with the reason and the fix."""
