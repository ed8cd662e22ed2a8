"""What an operation amounts to, and which field weighs most in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complexity:
    """What a selection amounts to: `cost` once, and `per_row` for each row of the page that it stands in.

    `members` are what the arguments of its pages are made of: members of objects and of lists.
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
    """The heaviest field of a selection: how large its page is, if it has one, and how many rows share its page, if it is one.

    Of a bulk mutation, the page is what it writes, and `writing` what that costs.
    """

    key: str
    page: int | None
    is_connection_row: bool
    multiplier: int
    write_cost: int
    selection: Complexity

    @property
    def per_row(self) -> int:
        """Return what one more row on its page would cost."""
        return self.selection.per_row + (self.write_cost // self.page if self.page else 0)
