"""What an operation amounts to, and which field weighs most in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """What a selection amounts to: `cost` once, and `per_row` for each row of the page that it stands in.

    `members` are what the arguments of its pages are made of: members of objects and of lists.
    """

    cost: int = 0
    per_row: int = 0
    depth: int = 0
    aliases: int = 0
    levels: int = 0
    members: int = 0
    heaviest: "Weight | None" = None


@dataclass(frozen=True, slots=True)
class Weight:
    """The heaviest field of a selection: how large its page is, if it has one, and how many rows share its page, if it is one.

    Of a bulk mutation, the page is what it writes, and `writing` what that costs.
    """

    key: str
    page: int | None
    of_page: bool
    times: int
    writing: int
    inner: Measure

    @property
    def per_row(self) -> int:
        """Return what one more row on its page would cost."""
        return self.inner.per_row + (self.writing // self.page if self.page else 0)
