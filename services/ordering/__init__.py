"""Order of lists, and of tasks among their siblings: moves, and the positions that they assign."""
