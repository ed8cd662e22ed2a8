"""Hierarchies of many levels, which only older versions could create."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.support.api_clients import ApiClient, GraphQLClient, Row, expect_error
from tests.support.service import LogCapture, RunningService, run_sql
from tests.support.users import TestUser

LEVELS = 3_000
DELETE_TASKS = "mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }"


@pytest.fixture
def chain(graphql_client: GraphQLClient, service: RunningService, user: TestUser) -> list[str]:
    """Ids of tasks each of which is a subtask of the previous one."""
    graphql_client.create("task", title="x")
    ids = [str(UUID(int=level + 1)) for level in range(LEVELS)]
    columns = "title, title_sort_key, search_lexemes, status, priority, position, created_at, updated_at, revision"
    run_sql(
        service.database.owner,
        f"INSERT INTO task (user_id, id, parent_id, {columns}) SELECT user_id, chain.id, chain.parent_id, {columns} "
        "FROM task, unnest(%s::uuid[], %s::uuid[]) AS chain (id, parent_id) WHERE user_id = %s",
        ids,
        [None, *ids[:-1]],
        user.id,
    )
    return ids


def test_bulk_delete_of_a_deep_hierarchy_takes_a_constant_number_of_statements(
    graphql_client: GraphQLClient, chain: list[str], log: LogCapture
) -> None:
    graphql_client.run(DELETE_TASKS, ids=chain[2_000:2_002])
    graphql_client.run(DELETE_TASKS, ids=chain[:500])

    few, many = (line["sql_statements"] for line in log.lines(requests=2) if "sql_statements" in line)
    assert few == many < 10
    assert len(graphql_client.page("task")) == 1
    assert graphql_client.restore(chain[10])["parent_id"] is None
    assert graphql_client.get("task", chain[1_999])["parent_id"] == chain[1_998]


def create_chain(client: ApiClient, levels: int, parent_id: str | None = None) -> list[str]:
    """Create tasks each of which is a subtask of the previous one; return their ids."""
    ids: list[str] = []
    for _ in range(levels):
        ids.append(client.create("task", title="x", parent_id=ids[-1] if ids else parent_id)["id"])
    return ids


def expect_limit(write: Callable[[], object], pointer: str = "/parent_id") -> None:
    with expect_error("INVALID_INPUT") as error:
        write()
    assert error.value.pointers == [pointer]
    assert "at most 30 levels" in error.value.detail


def test_subtasks_nest_at_most_30_levels(client: ApiClient) -> None:
    ids = create_chain(client, 31)
    other, subtask, deleted = create_chain(client, 3)
    single = client.create("task", title="x")["id"]

    expect_limit(lambda: client.create("task", title="x", parent_id=ids[-1]))
    expect_limit(lambda: client.update("task", other, parent_id=ids[28]))
    expect_limit(lambda: move(client, other, ids[28]))
    expect_limit(lambda: client.move_tasks([single, other], to="first", parent_id=ids[28]), "/1/parent_id")
    client.delete("task", deleted)
    expect_limit(lambda: move(client, other, ids[28]))
    assert move(client, other, ids[27])["parent_id"] == ids[27]
    assert client.restore(deleted)["parent_id"] == subtask
    assert client.update("task", ids[30], parent_id=ids[29], title="y")["title"] == "y"


def move(client: ApiClient, task_id: str, parent_id: str | None) -> Row:
    return client.move("task", task_id, None, to="last", parent_id=parent_id)


def test_deeper_subtasks_of_older_versions_can_be_read_and_moved_up(graphql_client: GraphQLClient, chain: list[str]) -> None:
    client = graphql_client

    assert client.get("task", chain[-1])["parent_id"] == chain[-2]
    assert client.update("task", chain[-1], title="y", parent_id=chain[-2])["title"] == "y"
    expect_limit(lambda: move(client, client.create("task", title="x")["id"], chain[-1]))
    assert move(client, chain[-1], chain[100])["parent_id"] == chain[100]
    expect_limit(lambda: move(client, chain[10], client.create("task", title="x", parent_id=chain[9])["id"]))
    assert move(client, chain[100], chain[20])["parent_id"] == chain[20]
    assert move(client, chain[-1], chain[29])["parent_id"] == chain[29]
    assert move(client, chain[200], None)["parent_id"] is None
    assert client.update("task", chain[10], parent_id=chain[5])["parent_id"] == chain[5]
