"""The number of SQL statements depends on the structure of a request, not on the data."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

import httpx
import pytest
from sqlalchemy.pool import PoolProxiedConnection

from models.database import Database, make_engine
from models.sql import execution
from models.sql.execution import Values, fetch
from models.sql.statement_counter import count_statements
from services.errors import QueryTooComplex
from services.json_types import JsonObject
from services.query_engine.execution.budget import Budget
from services.query_engine.execution.executor import execute
from services.query_engine.planning.plan_cache import get_plan, strip_values
from services.query_engine.query_model import (
    And,
    ColumnField,
    Comparison,
    Not,
    Or,
    PageCursor,
    PageRequest,
    Projection,
    QueryNode,
    RelationField,
    RelationFilter,
    Search,
)
from services.query_engine.result_format import RowList
from services.unit_of_work import ReadTransaction
from services.user_context import UserContext
from tests.support.api_clients import ApiClient, GraphQLClient, RestClient
from tests.support.service import LogCapture, RunningService
from tests.support.users import TestUser

NESTED = """{ lists { nodes { name tasks(first: 50) { totalCount edges { cursor } nodes { title tags { name } parent { title }
    subtasks { nodes { title } } comments { nodes { body } } } } } } }"""


@contextmanager
def count_logged_statements(client: ApiClient, log: LogCapture) -> Iterator[list[int]]:
    """Yield a list that receives the number of statements of each request of the client in this block, from its log line."""
    counts: list[int] = []
    responses: list[httpx.Response] = []
    client.http.event_hooks["response"].append(responses.append)
    yield counts
    client.http.event_hooks["response"].remove(responses.append)
    counts += [logged_statements(log, response) for response in responses]


def logged_statements(log: LogCapture, response: httpx.Response) -> int:
    """Return the number of statements of this request, from its log line."""
    request_id = response.headers["x-request-id"]
    lines = (line for requests in count(1) for line in log.lines(requests=requests))
    return next(int(line["sql_statements"]) for line in lines if line["request_id"] == request_id and "sql_statements" in line)


def create_tasks(graphql_client: GraphQLClient, tasks: int) -> None:
    """Create a list with tasks, each with two tags; the first three with a subtask and a comment."""
    tags = [graphql_client.create("tag", name=f"{tasks} {name}")["id"] for name in "ab"]
    home = graphql_client.create("list", name="Home")["id"]
    created = graphql_client.run(
        "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }",
        i=[{"title": "x", "listId": home, "tagIds": tags} for _ in range(tasks)],
    )["createTasks"]["tasks"]
    for task in created[:3]:
        graphql_client.create("task", title="part", parent_id=task["id"])
        graphql_client.comment(task["id"], "Hm")


def test_statement_count_is_independent_of_row_count(graphql_client: GraphQLClient, log: LogCapture) -> None:
    counts = []
    for tasks in (3, 30):
        create_tasks(graphql_client, tasks)
        with count_logged_statements(graphql_client, log) as sent:
            graphql_client.run(NESTED)
        counts += sent

    # Preamble, lists, tasks, task count, tags, parents, subtasks, comments.
    assert counts == [8, 8]


def test_rest_list_takes_one_statement_for_each_relation_level(rest_client: RestClient, log: LogCapture) -> None:
    tag = rest_client.create("tag", name="a")
    for _ in range(5):
        rest_client.create("task", title="x", tag_ids=[tag["id"]])
    with count_logged_statements(rest_client, log) as plain:
        rest_client.page("task")
    with count_logged_statements(rest_client, log) as nested:
        rest_client.page("task", include="tags,subtasks")

    assert (plain, nested) == ([1], [4])


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("/api/me/tasks", 1),
        ("/api/me/tasks?include=tags,subtasks", 4),
        ("/api/me/tasks/{task}?include=subtasks", 3),
        ("/api/me/tasks/{task}/subtasks", 3),
        ("/api/me/tasks/{task}/comments", 3),
        ("/api/me/lists", 1),
        ("/api/me/tags", 1),
        ("/api/auth/me", 2),
    ],
)
def test_not_modified_response_takes_the_preamble_only(
    rest_client: RestClient, log: LogCapture, path: str, statements: int
) -> None:
    path = path.format(task=rest_client.create("task", title="x")["id"])

    full = rest_client.http.get(path)
    unchanged = rest_client.http.get(path, headers={"If-None-Match": full.headers["etag"]})

    assert (full.status_code, unchanged.status_code) == (200, 304)
    assert (logged_statements(log, full), logged_statements(log, unchanged)) == (statements, 1)


def test_response_of_a_row_takes_one_statement(rest_client: RestClient, log: LogCapture) -> None:
    task = rest_client.create("task", title="x")

    full = rest_client.http.get(f"/api/me/tasks/{task['id']}")
    unchanged = rest_client.http.get(f"/api/me/tasks/{task['id']}", headers={"If-None-Match": f'"{task["revision"]}"'})

    assert (full.status_code, unchanged.status_code) == (200, 304)
    assert (logged_statements(log, full), logged_statements(log, unchanged)) == (1, 1)


def test_all_fields_of_an_operation_read_one_snapshot(graphql_client: GraphQLClient, log: LogCapture) -> None:
    with count_logged_statements(graphql_client, log) as sent:
        graphql_client.run("{ viewer { revision } tasks { totalCount } lists { nodes { id } } }")

    # One preamble for three fields; the total count is a separate statement.
    assert sent == [1 + 1 + 2 + 1]


def test_queries_of_equal_structure_share_a_plan_but_not_values(
    service: RunningService, user: TestUser, rest_client: RestClient
) -> None:
    for title in "abc":
        rest_client.create("task", title=title)

    def node(title: str, size: int) -> QueryNode[list[JsonObject]]:
        condition = And((Comparison("title", "ne", title),))
        return QueryNode(
            "task", RowList(), (Projection((ColumnField("t", "title"),)),), condition=condition, page=PageRequest(size)
        )

    assert get_plan(node("a", 1)) is get_plan(node("b", 2))
    engine = make_engine(service.database.service, pool_size=1)
    with UserContext(user.id, Database(engine, statement_timeout=5000)).read_transaction() as transaction:
        titles = [
            [row["t"] for row in execute(partial(fetch, transaction.connection), user.id, node(title, size), Budget())]
            for title, size in (("a", 1), ("c", 5), ("a", 5))
        ]
    engine.dispose()
    assert titles == [["c"], ["b", "a"], ["c", "b"]]


def test_reading_stops_at_the_request_timeout(service: RunningService, user: TestUser) -> None:
    """Without this limit, a hundred statements that each stay below STATEMENT_TIMEOUT_MS would take minutes in total."""
    node = QueryNode("task", RowList(), (Projection((ColumnField("t", "title"),)),), page=PageRequest(1))
    engine = make_engine(service.database.service, pool_size=1)
    database = Database(engine, statement_timeout=5000)

    def begin_transactions(context: UserContext) -> Iterator[ReadTransaction]:
        for begin in (context.read_transaction, context.write_transaction):
            with begin() as transaction:
                yield transaction

    for transaction in begin_transactions(UserContext(user.id, database)):
        assert transaction.statement_timeout == 5.0
        assert transaction.read(node) == []
        transaction.statement_timeout = -1.0
        assert transaction.read(node) == [], "the time starts with the first read"
    for number, transaction in enumerate(begin_transactions(UserContext(user.id, database))):
        transaction.statement_timeout = -1.0 if number == 0 else 5.0
        with count_statements() as sent, pytest.raises(QueryTooComplex, match="exceeded its time limit"):
            transaction.read(node)
        assert sent.count == 0, "the time limit applies to the whole request"
    engine.dispose()


def test_query_plans_do_not_retain_values() -> None:
    condition = And(
        (Or((Not(Comparison("title", "eq", "private")), RelationFilter("tags", "some", Comparison("name", "eq", "private")))),)
    )
    window = PageRequest(3, after=PageCursor("private", "after"), before=PageCursor("private", "before"))
    inner = QueryNode("task", RowList(), (Projection(()),), condition=condition, search=Search("private"), page=window)
    node = QueryNode(
        "task",
        RowList(),
        (Projection((RelationField("s", "subtasks", inner),)),),
        by_ids=True,
        ids=("private",),
        condition=condition,
    )

    assert strip_values(node) == node
    assert "private" in repr(node)
    assert "private" not in repr(strip_values(node))


def test_transaction_preamble_is_one_message(service: RunningService, user: TestUser, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    send = execution._execute

    def record_and_send(connection: PoolProxiedConnection, text: str, *values: Values) -> object:
        messages.append(text)
        return send(connection, text, *values)

    monkeypatch.setattr(execution, "_execute", record_and_send)
    engine = make_engine(service.database.service, pool_size=1)
    context = UserContext(user.id, Database(engine, statement_timeout=5000))
    for _ in range(2):  # the first transaction prepares the statement
        messages.clear()
        with count_statements() as sent, context.read_transaction():
            pass
        assert sent.count == 1
    engine.dispose()
    preamble, commit = messages
    assert preamble.startswith("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE todo_app; ")
    assert "SET LOCAL app.user_id = %(app.user_id)s; EXECUTE " in preamble
    assert commit == "COMMIT"
