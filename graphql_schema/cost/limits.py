"""Limits on the complexity of an operation, and the error for an operation that exceeds one."""

from collections.abc import Iterator

from graphql_schema.cost.complexity import Complexity
from services.errors import QueryTooComplex
from services.query_engine.query_model import MAX_RELATIONS

MAX_COST = 2_000_000
MAX_SELECTION_DEPTH = 40
MAX_ALIASES = 200
# All filters together: an operation can use the same variable, or a fragment with a filter, several times.
MAX_OPERATION_FILTER_MEMBERS = 10_000
# Nested page sizes multiply without bound; larger integers are not exact in JSON clients (RFC 8259, section 6).
MAX_REPORTED_AMOUNT = 2**53 - 1


def check_complexity(complexity: Complexity, max_cost: int) -> None:
    """Raise QueryTooComplex if an operation exceeds a limit."""
    cost = {"requested": _reported(complexity.cost), "limit": max_cost}
    for value, limit, description in (
        (complexity.depth, MAX_SELECTION_DEPTH, "nests fields {} levels deep"),
        (complexity.aliases, MAX_ALIASES, "has {} aliases"),
        (complexity.relations, MAX_RELATIONS, "selects {} relations"),
        (complexity.filter_members, MAX_OPERATION_FILTER_MEMBERS, "has {} filter members"),
    ):
        if value > limit:
            raise QueryTooComplex(f"The operation {description.format(_reported(value))}; the limit is {limit}.", cost=cost)
    if complexity.cost > max_cost:
        raise QueryTooComplex(
            f"The operation costs {_reported(complexity.cost)}; the limit is {max_cost}. {_suggestion(complexity, max_cost)}",
            cost=cost,
        )


def _reported(amount: int) -> int:
    return min(amount, MAX_REPORTED_AMOUNT)


def _suggestion(complexity: Complexity, max_cost: int) -> str:
    """Return advice: the costliest connection whose page can be reduced far enough, and the largest page size that is allowed."""
    connections = list(_connections(complexity))
    for path, row_cost, page_size, is_written in reversed(connections):
        largest = (max_cost - (complexity.cost - row_cost * page_size)) // row_cost
        if largest >= 1:
            allowed = f"number of rows is {largest}" if is_written else f"page is `first: {largest}`"
            return f"The costliest field is {path}; its largest allowed {allowed}, not {page_size}."
    return f"The costliest field is {connections[-1][0]}; select fewer fields." if connections else "Select fewer fields."


def _connections(complexity: Complexity) -> Iterator[tuple[str, int, int, bool]]:
    """Yield path, cost of one row, page size and whether rows are written, for each page among the nested costliest fields."""
    path: list[str] = []
    multiplier, page_size = 1, 1
    while (field := complexity.costliest_field) is not None:
        path.append(field.key)
        multiplier *= page_size if field.is_connection_row else field.multiplier
        if field.page_size is not None:
            page_size = field.page_size
            if page_size and multiplier and field.per_row:
                yield ".".join(path), multiplier * field.per_row, page_size, field.write_cost > 0
        complexity = field.selection
