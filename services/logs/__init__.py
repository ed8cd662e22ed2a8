"""Log lines whose number is limited."""
