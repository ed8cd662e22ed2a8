"""How much an operation may amount to, and what is said of one that amounts to more."""

from collections.abc import Iterator

from graphql_schema.cost.complexity import Complexity
from services.errors import QueryTooComplex
from services.query_engine.query_model import MAX_RELATIONS

MAX_COST = 2_000_000
MAX_SELECTION_DEPTH = 40
MAX_ALIASES = 200
# What filters are made of, in all: one may use a variable more than once, and a fragment that holds one too.
MAX_OPERATION_FILTER_MEMBERS = 10_000
# Nested pages multiply: the amounts of a deep operation have no bound, JSON integers that every client can read have one.
MAX_REPORTED_AMOUNT = 2**53 - 1


def check(measure: Complexity, max_cost: int) -> None:
    """Raise QueryTooComplex where an operation amounts to too much."""
    cost = {"requested": _reported(measure.cost), "limit": max_cost}
    for amount, limit, what in (
        (measure.depth, MAX_SELECTION_DEPTH, "nests fields {} deep"),
        (measure.aliases, MAX_ALIASES, "has {} aliases"),
        (measure.relations, MAX_RELATIONS, "follows {} relations"),
        (measure.filter_members, MAX_OPERATION_FILTER_MEMBERS, "has {} members and values in its filters"),
    ):
        if amount > limit:
            raise QueryTooComplex(f"The operation {what.format(_reported(amount))}; the limit is {limit}.", cost=cost)
    if measure.cost > max_cost:
        raise QueryTooComplex(
            f"The operation costs {_reported(measure.cost)}; the limit is {max_cost}. {_suggestion(measure, max_cost)}", cost=cost
        )


def _reported(amount: int) -> int:
    return min(amount, MAX_REPORTED_AMOUNT)


def _suggestion(measure: Complexity, max_cost: int) -> str:
    """Name the costliest connection and the page that would fit; where not even one row would, the one around it."""
    paged = list(_connections(measure))
    for path, share, page, is_written in reversed(paged):
        fitting = (max_cost - (measure.cost - share * page)) // share
        if fitting >= 1:
            wanted = f"{fitting} rows" if is_written else f"`first: {fitting}`"
            return f"The costliest field is {path}: it would fit with {wanted} instead of {page}."
    return f"The costliest field is {paged[-1][0]}; ask for fewer fields." if paged else "Ask for fewer fields."


def _connections(measure: Complexity) -> Iterator[tuple[str, int, int, bool]]:
    """Follow the heaviest fields down; yield of each page its path, what one more row costs, its size, and if it is written."""
    path: list[str] = []
    times, page = 1, 1
    while (weight := measure.costliest_field) is not None:
        path.append(weight.key)
        times *= page if weight.is_connection_row else weight.multiplier
        if weight.page is not None:
            page = weight.page
            if page and times and weight.per_row:
                yield ".".join(path), times * weight.per_row, page, weight.write_cost > 0
        measure = weight.selection
