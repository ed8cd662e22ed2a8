"""Tasks over both APIs."""

from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, ApiError, GraphQLClient

UNKNOWN_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"


def test_new_task_has_default_values(client: ApiClient) -> None:
    task = client.create("task", title="  Buy milk ")

    assert task["title"] == "Buy milk"
    assert (task["status"], task["completed"], task["priority"]) == ("pending", False, "none")
    assert (task["description"], task["list_id"], task["parent_id"], task["completed_at"]) == (None, None, None, None)
    assert task["tag_ids"] == []
    assert task["created_at"] == task["updated_at"]
    assert task["created_at"].endswith("Z")
    assert task == client.get("task", task["id"])


def test_null_equals_omitted_when_creating_a_task(client: ApiClient) -> None:
    nulls = dict.fromkeys(("description", "status", "priority", "list_id", "parent_id", "tag_ids", "position"))

    task = client.create("task", title="x", **nulls)

    assert (task["status"], task["priority"], task["tag_ids"], task["position"]) == ("pending", "none", [], 1.0)


def test_task_is_created_with_all_fields(client: ApiClient) -> None:
    home, tag = client.create("list", name="Home"), client.create("tag", name="shop")
    parent = client.create("task", title="Shopping", list_id=home["id"])
    task_id = str(uuid4())

    task = client.create(
        "task",
        id=task_id.upper(),
        title="Buy milk",
        description="The oat one",
        status="in_progress",
        priority="urgent",
        list_id=home["id"],
        parent_id=parent["id"],
        tag_ids=[tag["id"], tag["id"]],
        position=0.5,
    )

    assert task["id"] == task_id
    assert (task["description"], task["status"], task["priority"]) == ("The oat one", "in_progress", "urgent")
    assert (task["list_id"], task["parent_id"], task["tag_ids"]) == (home["id"], parent["id"], [tag["id"]])
    assert task["position"] == 0.5


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": "   "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "a\x00b"}, "/title"),
        ({"title": "x", "description": "y" * 2001}, "/description"),
        ({"title": "x", "position": 1e22}, "/position"),
        ({"title": "x", "id": "not-a-uuid"}, "/id"),
        ({"title": "x", "list_id": UNKNOWN_ID}, "/list_id"),
        ({"title": "x", "parent_id": UNKNOWN_ID}, "/parent_id"),
        ({"title": "x", "tag_ids": [UNKNOWN_ID]}, "/tag_ids/0"),
    ],
)
def test_invalid_task_returns_pointer(client: ApiClient, fields: dict[str, object], pointer: str) -> None:
    with pytest.raises(ApiError) as error:
        client.create("task", **fields)

    assert (error.value.code, error.value.status, error.value.pointers) == ("INVALID_INPUT", 422, [pointer])
    assert client.page("task") == []


def test_title_length_is_counted_in_characters_after_trimming(client: ApiClient) -> None:
    assert client.create("task", title=" " + "🎉" * 200 + " ")["title"] == "🎉" * 200


def test_update_changes_only_present_fields(client: ApiClient) -> None:
    task = client.create("task", title="Buy milk", description="Oat", priority="high")

    changed = client.update("task", task["id"], title="Buy oat milk")

    assert (changed["title"], changed["description"], changed["priority"]) == ("Buy oat milk", "Oat", "high")
    assert changed["revision"] == task["revision"] + 1
    assert changed["updated_at"] > task["updated_at"]
    assert changed["created_at"] == task["created_at"]


def test_null_clears_optional_fields(client: ApiClient) -> None:
    home, tag = client.create("list", name="Home"), client.create("tag", name="shop")
    task = client.create("task", title="x", description="y", priority="low", list_id=home["id"], tag_ids=[tag["id"]])

    cleared = client.update("task", task["id"], description=None, priority=None, list_id=None, tag_ids=None)

    assert (cleared["description"], cleared["priority"], cleared["list_id"], cleared["tag_ids"]) == (None, "none", None, [])


@pytest.mark.parametrize("field", ["title", "status", "position"])
def test_required_field_cannot_be_set_to_null(client: ApiClient, field: str) -> None:
    task = client.create("task", title="x")

    with pytest.raises(ApiError) as error:
        client.update("task", task["id"], **{field: None})

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", [f"/{field}"])


def test_update_without_changes_keeps_the_revision(client: ApiClient) -> None:
    task = client.create("task", title="x", description="y")

    assert client.update("task", task["id"]) == task
    assert client.update("task", task["id"], title=" x ", description="y") == task
    assert client.me()["revision"] == task["revision"]


def test_blank_description_is_stored_as_null(client: ApiClient) -> None:
    assert client.create("task", title="x", description="  ")["description"] is None


def test_toggle_completes_and_reopens_a_task(client: ApiClient) -> None:
    task = client.create("task", title="x")

    done = client.complete(task["id"])
    again = client.complete(task["id"])

    assert (done["status"], done["completed"]) == ("completed", True)
    assert done["completed_at"] == done["updated_at"]
    assert (again["status"], again["completed"], again["completed_at"]) == ("pending", False, None)


def test_set_completed_is_idempotent(client: ApiClient) -> None:
    task = client.create("task", title="x")

    first = client.complete(task["id"], completed=True)
    second = client.complete(task["id"], completed=True)

    assert first == second
    assert client.complete(task["id"], completed=False)["completed"] is False


def test_reopening_a_task_in_progress_changes_nothing(client: ApiClient) -> None:
    task = client.create("task", title="x", status="in_progress")

    assert client.complete(task["id"], completed=False) == task


def test_completed_at_follows_status(client: ApiClient) -> None:
    task = client.create("task", title="x", status="completed")
    reopened = client.update("task", task["id"], status="in_progress")

    assert task["completed_at"] is not None
    assert reopened["completed_at"] is None


def test_deleting_and_restoring_a_task_includes_subtasks_and_comments(client: ApiClient) -> None:
    task = client.create("task", title="Parent")
    child = client.create("task", title="Child", parent_id=task["id"])
    grandchild = client.create("task", title="Grandchild", parent_id=child["id"])
    comment = client.comment(grandchild["id"], "Hm")
    deleted_before = client.create("task", title="Deleted before", parent_id=task["id"])
    client.delete("task", deleted_before["id"])

    client.delete("task", task["id"])

    assert client.page("task") == []
    with pytest.raises(ApiError) as not_found:
        client.get("task", grandchild["id"])
    assert not_found.value.code == "NOT_FOUND"

    restored = client.restore(task["id"])

    assert restored["title"] == "Parent"
    assert {row["title"] for row in client.page("task")} == {"Parent", "Child", "Grandchild"}
    assert [row["id"] for row in client.comments(grandchild["id"])] == [comment["id"]]
    assert restored["revision"] == client.me()["revision"]


def test_restoring_an_active_task_changes_nothing(client: ApiClient) -> None:
    task = client.create("task", title="x")

    assert client.restore(task["id"]) == task


def test_restored_task_drops_references_to_deleted_rows(client: ApiClient) -> None:
    home, parent = client.create("list", name="Home"), client.create("task", title="Parent")
    task = client.create("task", title="x", list_id=home["id"], parent_id=parent["id"])
    client.delete("task", task["id"])
    client.delete("list", home["id"])
    client.delete("task", parent["id"])

    restored = client.restore(task["id"])

    assert (restored["list_id"], restored["parent_id"]) == (None, None)


def test_task_cannot_be_its_own_ancestor(client: ApiClient) -> None:
    task = client.create("task", title="Parent")
    child = client.create("task", title="Child", parent_id=task["id"])

    for parent in (task["id"], child["id"]):
        with pytest.raises(ApiError) as error:
            client.update("task", task["id"], parent_id=parent)
        assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/parent_id"])


def test_changing_tags_bumps_the_task_revision(client: ApiClient) -> None:
    tags = [client.create("tag", name=name) for name in ("a", "b", "c")]
    task = client.create("task", title="x", tag_ids=[tags[0]["id"], tags[1]["id"]])

    changed = client.update("task", task["id"], tag_ids=[tags[1]["id"], tags[2]["id"]])
    same = client.update("task", task["id"], tag_ids=[tags[2]["id"], tags[1]["id"]])

    assert changed["tag_ids"] == sorted([tags[1]["id"], tags[2]["id"]])
    assert changed["revision"] > task["revision"]
    assert same == changed


def test_new_task_gets_the_last_position_and_can_be_moved(client: ApiClient) -> None:
    first, second, third = (client.create("task", title=title) for title in "abc")

    client.update("task", third["id"], position=(first["position"] + second["position"]) / 2)

    assert [row["title"] for row in client.page("task", sort="position")] == ["a", "c", "b"]


def test_create_task_with_the_same_id_and_values_is_idempotent(client: ApiClient) -> None:
    tag = client.create("tag", name="shop")
    body = {"id": str(uuid4()), "title": "Buy milk", "tag_ids": [tag["id"]], "status": "completed"}

    assert client.create("task", **body) == client.create("task", **body)
    assert len(client.page("task")) == 1

    for other in ({**body, "title": "Other"}, {**body, "tag_ids": []}):
        with pytest.raises(ApiError) as error:
            client.create("task", **other)
        assert (error.value.code, error.value.status) == ("CONFLICT", 409)


def test_id_of_a_deleted_task_cannot_be_reused(client: ApiClient) -> None:
    task = client.create("task", title="x")
    client.delete("task", task["id"])

    with pytest.raises(ApiError) as error:
        client.create("task", id=task["id"], title="x")

    assert error.value.code == "CONFLICT"


def test_stale_precondition_returns_the_current_row(client: ApiClient) -> None:
    task = client.create("task", title="x")
    current = client.update("task", task["id"], title="y")

    with pytest.raises(ApiError) as error:
        client.update("task", task["id"], revision=task["revision"], title="z")
    with pytest.raises(ApiError) as not_deleted:
        client.delete("task", task["id"], revision=task["revision"])

    assert (error.value.code, error.value.status) == ("PRECONDITION_FAILED", 412)
    assert error.value.current == current
    assert not_deleted.value.code == "PRECONDITION_FAILED"
    assert client.get("task", task["id"]) == current
    assert client.update("task", task["id"], revision=current["revision"], title="z")["title"] == "z"


def test_unknown_id_returns_not_found(client: ApiClient) -> None:
    row_id = str(uuid4())
    for call in (
        lambda: client.get("task", row_id),
        lambda: client.update("task", row_id, title="x"),
        lambda: client.delete("task", row_id),
        lambda: client.complete(row_id),
        lambda: client.restore(row_id),
        lambda: client.comment(row_id, "x"),
    ):
        with pytest.raises(ApiError) as not_found:
            call()
        assert (not_found.value.code, not_found.value.status, not_found.value.detail) == (
            "NOT_FOUND",
            404,
            "Task not found.",
        )


def test_malformed_id_returns_422(client: ApiClient) -> None:
    with pytest.raises(ApiError) as error:
        client.get("task", "42")

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/id"])


def test_task_page_filters(client: ApiClient) -> None:
    home, tag = client.create("list", name="Home"), client.create("tag", name="shop")
    milk = client.create("task", title="Buy MILK", list_id=home["id"], tag_ids=[tag["id"]], priority="high")
    bread = client.create("task", title="Bread", description="with milk", parent_id=milk["id"])
    done = client.create("task", title="100%", status="completed")
    busy = client.create("task", title="a_b", status="in_progress")

    def titles(**query: object) -> set[str]:
        return {row["title"] for row in client.page("task", **query)}

    everything = {row["title"] for row in (milk, bread, done, busy)}
    assert titles() == titles(status="all") == everything
    assert titles(status="in_progress") == {"a_b"}
    assert titles(completed=True) == {"100%"}
    assert titles(completed=False) == everything - {"100%"}
    assert titles(list_id=home["id"]) == titles(search="milk") == {"Buy MILK", "Bread"}
    assert titles(tag_id=tag["id"]) == titles(priority="high") == {"Buy MILK"}
    assert titles(list_id="null") == everything - {"Buy MILK", "Bread"}
    assert titles(parent_id=milk["id"]) == {"Bread"}
    assert titles(parent_id="null") == everything - {"Bread"}
    assert titles(search="milk") == {"Buy MILK", "Bread"}
    assert titles(search="%") == {"100%"}
    assert titles(search="_") == {"a_b"}
    assert titles(search="'; --") == set()
    assert titles(search="milk", status="pending", parent_id="null") == {"Buy MILK"}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", "dcba"),
        ("created", "abcd"),
        ("-created", "dcba"),
        ("title", "badc"),
        ("-title", "cdab"),
        ("priority", "bdca"),
        ("-priority,title", "acbd"),
        ("position", "abcd"),
        ("-updated", "adcb"),
        ("completed", "cabd"),
        ("-completed", "cdba"),
    ],
)
def test_task_page_sort_orders(client: ApiClient, sort: str, expected: str) -> None:
    rows = {
        "a": client.create("task", title="b", priority="urgent"),
        "b": client.create("task", title="A", priority="none"),
        "c": client.create("task", title="D", priority="high", status="completed"),
        "d": client.create("task", title="c", priority="none"),
    }
    client.update("task", rows["a"]["id"], description="touched")

    names = {row["id"]: name for name, row in rows.items()}
    assert "".join(names[row["id"]] for row in client.page("task", sort=sort)) == expected


def test_bulk_mutations_are_atomic(graphql_client: GraphQLClient) -> None:
    created = graphql_client.run('mutation { createTasks(inputs: [{title: "a"}, {title: "b"}]) { tasks { id title } } }')[
        "createTasks"
    ]
    ids = [task["id"] for task in created["tasks"]]
    assert [task["title"] for task in created["tasks"]] == ["a", "b"]

    updated = graphql_client.run(
        "mutation($ids: [ID!]!) { updateTasks(ids: $ids, input: {priority: LOW}) { tasks { id priority revision } } }",
        ids=ids[::-1],
    )["updateTasks"]["tasks"]
    assert [task["id"] for task in updated] == ids[::-1]
    assert {task["priority"] for task in updated} == {"LOW"}
    assert len({task["revision"] for task in updated}) == 1

    with pytest.raises(ApiError) as error:
        graphql_client.run("mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { id } } }", ids=[*ids, str(uuid4())])
    assert error.value.code == "NOT_FOUND"
    assert {task["status"] for task in graphql_client.page("task")} == {"pending"}

    done = graphql_client.run("mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { completed } } }", ids=ids)[
        "completeTasks"
    ]
    assert done["tasks"] == [{"completed": True}] * 2
    assert graphql_client.run("mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }", ids=ids)["deleteTasks"]["ids"] == ids
    assert graphql_client.page("task") == []

    with pytest.raises(ApiError) as error:
        graphql_client.run('mutation { createTasks(inputs: [{title: "a"}, {title: " "}]) { tasks { id } } }')
    assert error.value.pointers == ["/1/title"]
    assert graphql_client.page("task") == []


def test_bulk_mutation_is_limited_to_500_items(graphql_client: GraphQLClient) -> None:
    create = "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }"
    complete = "mutation($i: [ID!]!) { completeTasks(ids: $i) { tasks { id } } }"

    for document, items, pointer in ((create, [{"title": "x"}] * 501, "/inputs"), (complete, [UNKNOWN_ID] * 501, "/ids")):
        with pytest.raises(ApiError) as error:
            graphql_client.run(document, i=items)
        assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", [pointer])
    assert graphql_client.page("task") == []
