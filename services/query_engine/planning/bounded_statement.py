"""Bounded statements, which stop returning rows when their texts exceed the byte budget of the response."""

from collections.abc import Mapping, Sequence

from models.sql.statement import Statement


def bound_text(statement: Statement, columns: Sequence[str], texts: Mapping[int, int]) -> Statement:
    """Return the statement with the parameter `text_budget`: it returns rows up to the first one that exceeds the budget.

    `texts` are the indexes of the text columns, and how often each of them is selected. A window without an order passes the rows
    on in the order of the inner statement.
    """
    size = " + ".join(f"{times} * coalesce(octet_length({columns[index]}), 0)" for index, times in texts.items())
    measured = (
        f"SELECT page.*, {size} AS size, sum({size}) OVER (ROWS UNBOUNDED PRECEDING) AS total FROM ({statement.text}) AS page"  # noqa: S608 - the texts are SQL of the planner
    )
    bounded = f"SELECT {', '.join(columns)} FROM ({measured}) AS measured WHERE total - size <= CAST(%(text_budget)s AS BIGINT)"  # noqa: S608
    return Statement.parse(bounded)
