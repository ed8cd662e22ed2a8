"""Tests of moves, positions and hierarchies of subtasks."""
