"""What a read sends to the database depends on its shape alone: one statement per relation level, one per total count."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import cursor
from sqlalchemy import Pool, event

from tests.property.argument_values import Kind
from tests.property.operation_generator import Operation, examples, operations
from tests.property.reference_executor import Reference, Seen
from tests.support.api_clients import RestDoor
from tests.support.datasets import everything, put, ring
from tests.support.in_process_client import Caller, calling
from tests.support.service import Cluster

SMALL, LARGE = 10, 1000
SHAPES = 250

EVERYTHING = '{not: {title: {eq: "nothing"}}, listId: {isNull: false}, tags: {some: {}, none: {name: {eq: "nothing"}}}}'


@dataclass(frozen=True)
class Sizes:
    """The same structure twice: few rows, and a hundred times as many tasks. No relation of any row is empty."""

    small: Caller
    large: Caller
    reference: Reference
    operations: st.SearchStrategy[Operation]

    def sent(self, operation: Operation) -> tuple[int, int, Seen]:
        """Run the operation on both; return how many statements each took, and where the operation went."""
        counts = []
        for caller in (self.small, self.large):
            answered = caller.run(operation.document, operation.variables, operation.name)
            assert "errors" not in answered.body, answered.body
            counts.append(caller.statements)
        self.reference.run(parse(operation.document), operation.variables, operation.name)
        return counts[0], counts[1], self.reference.seen


@pytest.fixture(scope="module")
def sizes(cluster: Cluster) -> Iterator[Sizes]:
    """Two databases; what is in the small one is in the large one too."""
    small, large = cluster.copy("template_todo"), cluster.copy("template_todo")
    put(small.owner, ring("ada", tasks=SMALL))
    put(large.owner, ring("ada", tasks=LARGE))
    reference = Reference(everything(small.owner), "ada")
    with calling(small, "ada") as on_few, calling(large, "ada") as on_many:
        yield Sizes(on_few, on_many, reference, operations(reference.schema, reference, Kind(whole=True, flaws=0)))


def most(seen: Seen) -> int:
    """Return how many statements may be sent: the opening, each level, each count; `node` first finds out what its id is of."""
    return bool(seen.levels) + len(seen.levels) + len(seen.totals) + len(seen.nodes)


@examples(SHAPES)
@given(data=st.data())
def test_any_shape_takes_the_same_statements_on_10_and_on_1000_rows(sizes: Sizes, data: st.DataObject) -> None:
    small, large, seen = sizes.sent(data.draw(sizes.operations, label="operation"))

    assert small == large <= most(seen)


@pytest.mark.parametrize(
    ("document", "statements"),
    [
        ("{ __typename }", 0),
        ("{ viewer { email } }", 2),
        ("{ tasks { nodes { title } } }", 2),
        ("{ tasks { nodes { title } totalCount } }", 3),
        ("{ tasks { totalCount } lists { totalCount } tags { totalCount } }", 7),
        ("{ lists { nodes { tasks(first: 3) { nodes { tags { name } } } } } }", 4),
        ("{ lists { nodes { tasks(first: 3) { totalCount nodes { tags { name } } } } totalCount } }", 6),
        ("{ tags { nodes { tasks(first: 3) { nodes { list { name } parent { title } comments { nodes { body } } } } } } }", 6),
        ("{ tasks { nodes { parent { parent { parent { parent { title } } } } } } }", 6),
        ("{ tasks { nodes { comments { nodes { task { subtasks { nodes { title } } } } } } } }", 5),
        (f"{{ lists {{ nodes {{ tasks(first: 2, filter: {EVERYTHING}) {{ totalCount nodes {{ tags {{ name }} }} }} }} }} }}", 5),
        ("{ tasks { nodes { a: tags { name } b: tags { color } tags { name } tags { color } } } }", 5),
        ("{ tasks(last: 5) { edges { cursor node { subtasks(last: 1) { pageInfo { endCursor } } } } } }", 3),
    ],
)
def test_a_level_is_a_statement(sizes: Sizes, document: str, statements: int) -> None:
    small, large, _ = sizes.sent(Operation(document, {}, None))

    assert (small, large) == (statements, statements)


def test_finding_out_what_an_id_stands_for_takes_a_statement(sizes: Sizes) -> None:
    wanted = sizes.reference.mine["TaskList"][0]["id"]
    document = f'{{ node(id: "{wanted}") {{ ... on TaskList {{ tasks {{ nodes {{ title }} }} }} }} }}'
    small, large, _ = sizes.sent(Operation(document, {}, None))

    assert (small, large) == (1 + 1 + 2, 1 + 1 + 2)


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Collect everything that is sent to the database in this block, by whomever, COMMIT too."""
    sent: list[str] = []

    class Telling(cursor):  # type: ignore[misc] # psycopg2 has no types
        def execute(self, query: Any, vars: Any = None) -> None:
            sent.append(str(query))
            super().execute(query, vars)

    def tell(connection: Any, *_: object) -> None:
        connection.cursor_factory = Telling

    def keep_silent(connection: Any, *_: object) -> None:
        connection.cursor_factory = None

    event.listen(Pool, "checkout", tell)
    event.listen(Pool, "checkin", keep_silent)
    try:
        yield sent
    finally:
        event.remove(Pool, "checkout", tell)
        event.remove(Pool, "checkin", keep_silent)


def test_a_list_over_rest_takes_three_round_trips(rest: RestDoor) -> None:
    for number in range(3):
        rest.create("task", title=f"{number}")
    with round_trips() as sent:
        assert len(rest.http.get("/api/me/tasks").json()) == 3

    opening, reading, closing = sent
    assert opening.startswith("BEGIN")
    assert reading.startswith("SELECT")
    assert closing == "COMMIT"
