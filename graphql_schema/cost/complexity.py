"""Complexity of an operation, and its costliest field."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complexity:
    """Complexity of a selection: `cost` is counted once, `per_row` for each row of the page that contains the selection.

    `filter_members` is the number of object fields and list items in the arguments of its paginated fields.
    """

    cost: int = 0
    per_row: int = 0
    depth: int = 0
    aliases: int = 0
    relations: int = 0
    filter_members: int = 0
    costliest_field: "FieldCost | None" = None


@dataclass(frozen=True, slots=True)
class FieldCost:
    """The costliest field of a selection.

    `page_size` is the number of rows that its arguments request; for a bulk mutation, the number of rows that it writes, at
    `write_cost`. `is_connection_row` means that the field (`nodes`, `edges`) repeats for each row of the page around it.
    `multiplier` is the number of times that its `selection` is counted otherwise.
    """

    key: str
    page_size: int | None
    is_connection_row: bool
    multiplier: int
    write_cost: int
    selection: Complexity

    @property
    def per_row(self) -> int:
        """Return the cost of one more row on its page."""
        return self.selection.per_row + (self.write_cost // self.page_size if self.page_size else 0)
