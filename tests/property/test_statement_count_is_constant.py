"""The number of statements of a read depends on its structure: one per relation level, one per total count."""

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

from tests.property.argument_values import GenerationOptions
from tests.property.operation_generator import Operation, examples, operations
from tests.property.reference_executor import ReferenceExecutor, VisitedPaths
from tests.support.api_clients import RestClient
from tests.support.datasets import cyclic_dataset, dump_tables, insert_datasets
from tests.support.in_process_client import InProcessClient, in_process_client
from tests.support.service import PostgresServer

SMALL, LARGE = 10, 1000
EXAMPLES = 250

EVERYTHING = '{not: {title: {eq: "nothing"}}, listId: {isNull: false}, tags: {some: {}, none: {name: {eq: "nothing"}}}}'


@dataclass(frozen=True)
class SmallAndLarge:
    """The same structure with few rows and with a hundred times as many tasks. No relation is empty."""

    small: InProcessClient
    large: InProcessClient
    reference: ReferenceExecutor
    operations: st.SearchStrategy[Operation]

    def statement_counts(self, operation: Operation) -> tuple[int, int, VisitedPaths]:
        """Run the operation on both; return both numbers of statements, and the visited paths."""
        counts = []
        for client in (self.small, self.large):
            result = client.run(operation.document, operation.variables, operation.name)
            assert "errors" not in result.body, result.body
            counts.append(client.statements)
        self.reference.run(parse(operation.document), operation.variables, operation.name)
        return counts[0], counts[1], self.reference.visited


@pytest.fixture(scope="module")
def sizes(postgres: PostgresServer) -> Iterator[SmallAndLarge]:
    """Two databases; the large one contains the rows of the small one."""
    small, large = postgres.copy("template_todo"), postgres.copy("template_todo")
    insert_datasets(small.owner, cyclic_dataset("ada", tasks=SMALL))
    insert_datasets(large.owner, cyclic_dataset("ada", tasks=LARGE))
    reference = ReferenceExecutor(dump_tables(small.owner), "ada")
    with in_process_client(small, "ada") as small_client, in_process_client(large, "ada") as large_client:
        yield SmallAndLarge(
            small_client,
            large_client,
            reference,
            operations(reference.schema, reference, GenerationOptions(non_empty=True, invalid_percent=0)),
        )


def max_statements(visited: VisitedPaths) -> int:
    """Return the maximum number of statements: preamble, relations and counts; `node` needs one more to find the type."""
    return bool(visited.relations) + len(visited.relations) + len(visited.totals) + len(visited.nodes)


@examples(EXAMPLES)
@given(data=st.data())
def test_any_operation_sends_equally_many_statements_for_10_and_1000_rows(sizes: SmallAndLarge, data: st.DataObject) -> None:
    small, large, visited = sizes.statement_counts(data.draw(sizes.operations, label="operation"))

    assert small == large <= max_statements(visited)


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
def test_each_relation_level_is_one_statement(sizes: SmallAndLarge, document: str, statements: int) -> None:
    small, large, _ = sizes.statement_counts(Operation(document, {}, None))

    assert (small, large) == (statements, statements)


def test_node_lookup_takes_one_extra_statement(sizes: SmallAndLarge) -> None:
    list_id = sizes.reference.own_rows["TaskList"][0]["id"]
    document = f'{{ node(id: "{list_id}") {{ ... on TaskList {{ tasks {{ nodes {{ title }} }} }} }} }}'
    small, large, _ = sizes.statement_counts(Operation(document, {}, None))

    assert (small, large) == (1 + 1 + 2, 1 + 1 + 2)


@contextmanager
def record_statements() -> Iterator[list[str]]:
    """Yield a list of all statements that any connection sends in this block, including COMMIT."""
    statements: list[str] = []

    class RecordingCursor(cursor):  # type: ignore[misc] # psycopg2 has no types
        def execute(self, query: Any, vars: Any = None) -> None:
            statements.append(str(query))
            super().execute(query, vars)

    def start_recording(connection: Any, *_: object) -> None:
        connection.cursor_factory = RecordingCursor

    def stop_recording(connection: Any, *_: object) -> None:
        connection.cursor_factory = None

    event.listen(Pool, "checkout", start_recording)
    event.listen(Pool, "checkin", stop_recording)
    try:
        yield statements
    finally:
        event.remove(Pool, "checkout", start_recording)
        event.remove(Pool, "checkin", stop_recording)


def test_rest_list_takes_one_round_trip(rest_client: RestClient) -> None:
    for number in range(3):
        rest_client.create("task", title=f"{number}")
    for _ in range(10):  # each connection of the pool prepares the statement once
        rest_client.page("task")
    with record_statements() as statements:
        assert len(rest_client.http.get("/api/me/tasks").json()) == 3

    (message,) = statements
    assert message.startswith("SET LOCAL ROLE todo_app; ")
    assert "; EXECUTE " in message
