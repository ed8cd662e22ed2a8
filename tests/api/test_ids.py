"""Ids: one notation (RFC 9562, section 4), returned in canonical form."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import LogCapture, RunningService, run_sql
from tests.support.users import TestUser

ID = "11111111-1111-7111-8111-1111111111ab"
OTHER_NOTATIONS = {
    "underscore": "1_111111-1111-7111-8111-1111111111ab",
    "hexadecimal prefix": "0x111111-1111-7111-8111-1111111111ab",
    "sign": "+1111111-1111-7111-8111-1111111111ab",
    "trailing newline": ID + "\n",
    "leading space": " " + ID,
    "no hyphens": ID.replace("-", ""),
    "hyphens elsewhere": "111111111-111-7111-8111-1111111111ab",
    "braces": "{" + ID + "}",
    "URN": "urn:uuid:" + ID,
    "full-width digit": "\uff11" + ID[1:],
    "one digit too many": ID + "1",
    "one digit too few": ID[:-1],
}

BODIES: dict[str, Callable[[ApiClient, str], object]] = {
    "own id": lambda client, text: client.create("list", id=text, name="x"),
    "list_id": lambda client, text: client.create("task", title="x", list_id=text),
    "parent_id": lambda client, text: client.create("task", title="x", parent_id=text),
    "tag_ids": lambda client, text: client.create("task", title="x", tag_ids=[text]),
    "filter": lambda client, text: client.page("task", filter={"id": {"eq": text}}),
    "filter with in": lambda client, text: client.page("task", filter={"list_id": {"in": [ID, text]}}),
    "id of a row": lambda client, text: client.get("task", path_or_variable(client, text)),
    "id of a row to update": lambda client, text: client.update("task", path_or_variable(client, text), title="x"),
    "id of a row to delete": lambda client, text: client.delete("task", path_or_variable(client, text)),
    "id of a commented task": lambda client, text: client.comment(path_or_variable(client, text), "x"),
    "id of a session": lambda client, text: client.end_session(path_or_variable(client, text)),
    "id of an API token": lambda client, text: client.delete_api_token(path_or_variable(client, text)),
}


def path_or_variable(client: ApiClient, text: str) -> str:
    return quote(text, safe="") if isinstance(client, RestClient) else text


@pytest.mark.parametrize("text", OTHER_NOTATIONS.values(), ids=OTHER_NOTATIONS)
def test_id_in_another_notation_is_rejected(client: ApiClient, text: str) -> None:
    client.create("list", id=ID, name="mine")
    for place, call in BODIES.items():
        with expect_error("INVALID_INPUT") as error:
            call(client, text)
        assert error.value.detail == "Must be a UUID, such as 01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e.", place


@pytest.mark.parametrize("text", OTHER_NOTATIONS.values(), ids=OTHER_NOTATIONS)
def test_id_in_another_notation_in_the_query_string_is_rejected(rest_client: RestClient, text: str) -> None:
    for name in ("list_id", "parent_id", "tag_id"):
        assert rest_client.problem("GET", "/api/me/tasks", params={name: text}).pointers == [f"/{name}"]


def test_upper_case_id_is_returned_in_canonical_form(client: ApiClient) -> None:
    tag = client.create("tag", id=ID.upper(), name="mine")
    assert tag["id"] == ID

    task = client.create("task", title="x", tag_ids=[ID.upper()])
    assert task["tag_ids"] == [ID]
    assert client.get("tag", ID.upper())["id"] == ID
    assert client.page("task", filter={"tags": {"some": {"id": {"eq": ID.upper()}}}}) == [task]
    assert client.update("tag", ID.upper(), name="renamed")["id"] == ID


def test_location_holds_the_canonical_id(rest_client: RestClient) -> None:
    response = rest_client.send("POST", "/api/me/lists", json={"id": ID.upper(), "name": "mine"})

    assert response.headers["location"] == f"/api/me/lists/{ID}"


DELETIONS: dict[str, Callable[[GraphQLClient], str]] = {
    "deleteTask": lambda client: str(client.create("task", title="x")["id"]),
    "deleteList": lambda client: str(client.create("list", name="x")["id"]),
    "deleteTag": lambda client: str(client.create("tag", name="x")["id"]),
    "deleteComment": lambda client: str(client.comment(client.create("task", title="x")["id"], "x")["id"]),
    "deleteApiToken": lambda client: str(client.make_api_token(name="x", scopes=["account"])["id"]),
    "endSession": lambda client: str(client.sessions()[0]["id"]),
}


@pytest.mark.parametrize("mutation", DELETIONS)
def test_deletion_returns_the_canonical_id(graphql_client: GraphQLClient, mutation: str) -> None:
    row_id = DELETIONS[mutation](graphql_client)

    data = graphql_client.run(f"mutation($id: ID!) {{ p: {mutation}(id: $id) {{ id }} }}", id=row_id.upper())

    assert data["p"] == {"id": row_id}


def test_deletion_of_several_tasks_returns_canonical_ids(graphql_client: GraphQLClient) -> None:
    ids = [graphql_client.create("task", title="x")["id"] for _ in range(2)]

    data = graphql_client.run("mutation($ids: [ID!]!) { p: deleteTasks(ids: $ids) { ids } }", ids=[id_.upper() for id_ in ids])

    assert data["p"] == {"ids": ids}


def test_bulk_mutation_names_the_invalid_id(graphql_client: GraphQLClient) -> None:
    body: Any = {"query": "mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { id } } }"}

    (error,) = graphql_client.post({**body, "variables": {"ids": [ID, ID.replace("-", "_")]}})["errors"]

    assert [error["pointer"] for error in error["extensions"]["errors"]] == ["/1/id"]


def test_filter_error_names_the_invalid_id(rest_client: RestClient) -> None:
    condition = {"tags": {"some": {"id": {"in": [ID, ID + "\n"]}}}}

    problem = rest_client.problem("GET", "/api/me/tasks", params={"filter": json.dumps(condition)})

    assert problem.pointers == ["/filter/tags/some/id/in/1"]


CREATE: dict[str, Callable[[ApiClient, str], Any]] = {
    "task": lambda client, row_id: client.create("task", id=row_id, title="x"),
    "list": lambda client, row_id: client.create("list", id=row_id, name="x"),
    "tag": lambda client, row_id: client.create("tag", id=row_id, name="x"),
    "comment": lambda client, row_id: client.comment(client.create("task", title="commented")["id"], "x", id=row_id),
}


@pytest.mark.parametrize("kind", CREATE)
@pytest.mark.parametrize("is_deleted", [False, True], ids=["active", "deleted"])
def test_id_of_a_row_of_another_kind_is_a_conflict(client: ApiClient, kind: str, is_deleted: bool) -> None:
    row = CREATE[kind](client, ID)
    if is_deleted:
        client.delete(kind, row["id"])

    for other in CREATE.keys() - {kind}:
        with expect_error("CONFLICT") as error:
            CREATE[other](client, ID)
        assert error.value.detail == f"This id belongs to a {kind}; use another id."


def test_ids_of_another_user_can_be_used(make_client: Callable[[str], ApiClient], user: TestUser, other_user: TestUser) -> None:
    CREATE["tag"](make_client(user.token), ID)

    assert CREATE["task"](make_client(other_user.token), ID)["id"] == ID


CREATE_TASKS = "mutation($inputs: [CreateTaskInput!]!) { createTasks(inputs: $inputs) { tasks { id title } } }"


def test_bulk_creation_rejects_the_id_of_a_row_of_another_kind(graphql_client: GraphQLClient) -> None:
    CREATE["tag"](graphql_client, ID)

    with expect_error("CONFLICT"):
        graphql_client.run(CREATE_TASKS, inputs=[{"title": "new"}, {"title": "x", "id": ID}])

    assert graphql_client.page("task") == []


def test_bulk_creation_creates_one_row_for_a_repeated_id(graphql_client: GraphQLClient) -> None:
    inputs = [{"title": "x", "id": ID}, {"title": "x", "id": ID}]

    assert graphql_client.run(CREATE_TASKS, inputs=inputs)["createTasks"]["tasks"] == [{"id": ID, "title": "x"}]
    with expect_error("CONFLICT"):
        graphql_client.run(CREATE_TASKS, inputs=[*inputs, {"title": "y", "id": ID}])


def test_id_is_looked_up_in_one_statement_if_the_client_generated_it(graphql_client: GraphQLClient, log: LogCapture) -> None:
    def statements(*ids: str | None) -> int:
        log.captured.clear()
        graphql_client.run(CREATE_TASKS, inputs=[{"title": "x", "id": row_id} for row_id in ids])
        return int(log.lines(requests=1)[-1]["sql_statements"])

    statements(None)
    assert statements(str(uuid4()), None) == statements(None, None) + 1
    assert statements(*(str(uuid4()) for _ in range(3))) == statements(None, None, None) + 1


def test_shared_id_of_existing_rows_is_kept(client: ApiClient, graphql_client: GraphQLClient, service: RunningService) -> None:
    """Rows may share an id since before this was refused. `node` prefers tasks, then lists, tags and comments."""
    rows = {kind: create(client, str(uuid4())) for kind, create in CREATE.items()}
    tables = {"comment": "comment", "tag": "tag", "list": "task_list", "task": "task"}
    document = "query($id: ID!) { node(id: $id) { __typename } }"
    type_names = {"task": "Task", "list": "TaskList", "tag": "Tag", "comment": "Comment"}

    for kind, table in tables.items():
        run_sql(service.database.owner, f'UPDATE "{table}" SET id = %s WHERE id = %s', ID, rows[kind]["id"])
        assert graphql_client.run(document, id=ID)["node"] == {"__typename": type_names[kind]}
    assert all(client.get(kind, ID)["id"] == ID for kind in ("task", "list", "tag"))
    assert CREATE["task"](client, ID)["id"] == ID
    client.delete("task", ID)
    assert graphql_client.run(document, id=ID)["node"] == {"__typename": "TaskList"}
