"""Rows that clients send back as they received them, with included relations and read-only fields."""

from itertools import product
from typing import Any

import pytest

from models.comment import CommentCreate, CommentUpdate
from models.schemas.input_schemas import InputSchema
from models.tag import TagCreate, TagUpdate
from models.task import TaskCreate, TaskUpdate
from models.task_list import ListCreate, ListUpdate
from services.query_engine.entity_registry import COMMENT, TAG, TASK, TASK_LIST
from services.query_engine.entity_types import Entity
from tests.support.api_clients import PLURALS, RestClient, expect_error

INCLUDES = {
    "task": "list.tasks,parent,tags.tasks,subtasks.comments,comments.task",
    "list": "tasks.tags",
    "tag": "tasks.list",
    "comment": "task.comments",
}
SCHEMAS: list[tuple[Entity, type[InputSchema]]] = [
    (TASK, TaskCreate),
    (TASK, TaskUpdate),
    (TASK_LIST, ListCreate),
    (TASK_LIST, ListUpdate),
    (TAG, TagCreate),
    (TAG, TagUpdate),
    (COMMENT, CommentCreate),
    (COMMENT, CommentUpdate),
]


@pytest.fixture
def rows(rest_client: RestClient) -> dict[str, str]:
    """Ids of a row of each kind; the task has a list, a parent, a tag, a subtask and a comment."""
    home, tag = rest_client.create("list", name="Home")["id"], rest_client.create("tag", name="shop")["id"]
    parent = rest_client.create("task", title="Parent", list_id=home)["id"]
    task = rest_client.create("task", title="Task", parent_id=parent, tag_ids=[tag], description="x")["id"]
    rest_client.create("task", title="Subtask", parent_id=task)
    return {"task": task, "list": home, "tag": tag, "comment": rest_client.comment(task, "Hm")["id"]}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("kind", INCLUDES)
def test_row_with_included_relations_can_be_sent_back(
    rest_client: RestClient, rows: dict[str, str], kind: str, method: str
) -> None:
    path = f"/api/me/{PLURALS[kind]}/{rows[kind]}"
    row = rest_client.send("GET", f"{path}?include={INCLUDES[kind]}").json()
    text = {"task": "title", "comment": "body"}.get(kind, "name")

    assert rest_client.send(method, path, json=row).json() == rest_client.send("GET", path).json()
    assert rest_client.send(method, path, json={**row, text: "changed"}).json()[text] == "changed"
    assert rest_client.problem(method, path, json={**row, "unknown": 1}).pointers == ["/unknown"]


def test_row_without_related_rows_can_be_sent_back(rest_client: RestClient) -> None:
    path = f"/api/me/tasks/{rest_client.create('task', title='x')['id']}"
    row = rest_client.send("GET", f"{path}?include={INCLUDES['task']}").json()

    assert (row["list"], row["tags"]) == (None, [])
    assert rest_client.send("PUT", path, json=row).json() == rest_client.send("GET", path).json()


@pytest.mark.parametrize("kind", INCLUDES)
def test_created_row_with_included_relations_can_be_sent_again(rest_client: RestClient, rows: dict[str, str], kind: str) -> None:
    row = rest_client.send("GET", f"/api/me/{PLURALS[kind]}/{rows[kind]}?include={INCLUDES[kind]}").json()
    path = f"/api/me/tasks/{rows['task']}/comments" if kind == "comment" else f"/api/me/{PLURALS[kind]}"

    assert rest_client.send("POST", path, json=row).json()["revision"] == row["revision"]


@pytest.mark.parametrize(
    "field", [{"tags": ["shop"]}, {"tags": "shop"}, {"list": "Home"}, {"parent": 5}, {"comments": [{}, None]}], ids=str
)
def test_relation_of_another_form_is_an_unknown_field(rest_client: RestClient, field: dict[str, Any]) -> None:
    error = rest_client.problem("POST", "/api/me/tasks", json={"title": "x", **field})

    assert (error.code, error.pointers) == ("INVALID_INPUT", [f"/{name}" for name in field])


@pytest.mark.parametrize(("entity", "schema"), SCHEMAS, ids=lambda value: getattr(value, "__name__", ""))
def test_input_schema_accepts_every_returned_field(entity: Entity, schema: type[InputSchema]) -> None:
    assert schema.relations == set(entity.relations)
    assert set(entity.json_columns) <= set(schema.model_fields) | schema.ignored_fields


STATUSES = ("pending", "in_progress", "completed")


@pytest.mark.parametrize(("stored", "status", "completed"), list(product(STATUSES, STATUSES, (False, True))))
def test_status_or_completed_that_differs_from_the_stored_row_counts(
    rest_client: RestClient, stored: str, status: str, completed: bool
) -> None:
    task = rest_client.create("task", title="x", status=stored)
    completed_differs = completed != (stored == "completed")
    changed = {**task, "status": status, "completed": completed}

    if completed != (status == "completed") and completed_differs and status != stored:
        with expect_error("INVALID_INPUT") as error:
            rest_client.update("task", task["id"], **changed)
        assert error.value.pointers == ["/completed"]
        return
    expected = status
    if status == stored and completed_differs:
        expected = "completed" if completed else "pending"
    row = rest_client.update("task", task["id"], **changed)
    assert (row["status"], row["completed"]) == (expected, expected == "completed")
    assert (row == task) is (expected == stored)
