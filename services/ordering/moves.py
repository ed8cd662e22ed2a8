"""Moves of rows to a place among siblings."""

from collections.abc import Sequence
from itertools import pairwise

from models.schemas.move_input import MoveInput
from services.errors import Conflict
from services.ordering.positions import MAX_RENUMBERED, find_run, positions_between
from services.ordering.siblings import Neighbors, Row, Siblings, SortKey


def move_rows(siblings: Siblings[Row], rows: Sequence[Row], move: MoveInput) -> None:
    """Set the positions of the rows so that they are at the place, in this order. Rows that are there already stay unchanged.

    If there are not enough numbers between the neighbors, for example because their positions are equal, the smallest run of
    siblings around the place is renumbered. Raises InvalidInput, and Conflict if that would be too many.
    """
    moved_ids = [row.id for row in rows]
    target = siblings.find_target(move, moved_ids)
    neighbors = siblings.neighbors(move, target, moved_ids, limit=1)
    if all(siblings.contain(row) for row in rows) and _is_in_place(neighbors, rows):
        return
    lower, upper = (side[0].position if side else None for side in neighbors)
    positions = positions_between(lower, upper, len(rows))
    if positions is not None:
        new_positions = dict(zip(moved_ids, positions, strict=True))
    else:
        new_positions = _renumber(siblings.neighbors(move, target, moved_ids, MAX_RENUMBERED + 1), moved_ids, move)
    siblings.transaction.set_positions(siblings.table, new_positions)


def _is_in_place(neighbors: Neighbors, rows: Sequence[Row]) -> bool:
    keys = [*neighbors.before, *(SortKey(row.position, row.id) for row in rows), *neighbors.after]
    return all(first < second for first, second in pairwise(keys))


def _renumber(neighbors: Neighbors, moved_ids: Sequence[str], move: MoveInput) -> dict[str, float]:
    """Return new positions of the moved rows and of the smallest run of siblings around their place."""
    before, after = ([key.position for key in side] for side in neighbors)
    run = find_run(before, after, len(moved_ids))
    if run is None:
        raise Conflict.at_pointer(
            move.pointer,
            f"More than {MAX_RENUMBERED:,} siblings around this place would need new positions, because theirs are equal. "
            "Move to one end of the order instead.",
        )
    ids_before, ids_after = ([key.id for key in side] for side in neighbors)
    ids = [*reversed(ids_before[: run.before]), *moved_ids, *ids_after[: run.after]]
    return dict(zip(ids, run.positions, strict=True))
