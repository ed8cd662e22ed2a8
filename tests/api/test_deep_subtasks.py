"""Hierarchies of many levels, which only older versions could create."""

from uuid import UUID

import pytest

from tests.support.api_clients import GraphQLClient
from tests.support.service import LogCapture, RunningService, run_sql
from tests.support.users import TestUser

LEVELS = 3_000
DELETE_TASKS = "mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }"


@pytest.fixture
def chain(graphql_client: GraphQLClient, service: RunningService, user: TestUser) -> list[str]:
    """Ids of tasks each of which is a subtask of the previous one."""
    graphql_client.create("task", title="x")
    ids = [str(UUID(int=level + 1)) for level in range(LEVELS)]
    columns = "title, status, priority, position, created_at, updated_at, revision"
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
