"""Tasks, through both doors."""

from uuid import uuid4

import pytest

from tests.support.api_clients import Door, DoorError, GraphQLDoor

NOBODYS = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"


def test_a_new_task_has_defaults(door: Door) -> None:
    task = door.create("task", title="  Buy milk ")

    assert task["title"] == "Buy milk"
    assert (task["status"], task["completed"], task["priority"]) == ("pending", False, "none")
    assert (task["description"], task["list_id"], task["parent_id"], task["completed_at"]) == (None, None, None, None)
    assert task["tag_ids"] == []
    assert task["created_at"] == task["updated_at"]
    assert task["created_at"].endswith("Z")
    assert task == door.get("task", task["id"])


def test_null_is_the_same_as_absent_in_a_new_task(door: Door) -> None:
    nothing = dict.fromkeys(("description", "status", "priority", "list_id", "parent_id", "tag_ids", "position"))

    task = door.create("task", title="x", **nothing)

    assert (task["status"], task["priority"], task["tag_ids"], task["position"]) == ("pending", "none", [], 1.0)


def test_a_task_is_created_with_everything(door: Door) -> None:
    home, parent, tag = door.create("list", name="Home"), door.create("task", title="Shopping"), door.create("tag", name="shop")
    task_id = str(uuid4())

    task = door.create(
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
    ("members", "pointer"),
    [
        ({"title": "   "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "a\x00b"}, "/title"),
        ({"title": "x", "description": "y" * 2001}, "/description"),
        ({"title": "x", "position": 1e22}, "/position"),
        ({"title": "x", "id": "not-a-uuid"}, "/id"),
        ({"title": "x", "list_id": NOBODYS}, "/list_id"),
        ({"title": "x", "parent_id": NOBODYS}, "/parent_id"),
        ({"title": "x", "tag_ids": [NOBODYS]}, "/tag_ids/0"),
    ],
)
def test_a_bad_task_is_refused_and_says_where(door: Door, members: dict[str, object], pointer: str) -> None:
    with pytest.raises(DoorError) as refused:
        door.create("task", **members)

    assert (refused.value.code, refused.value.status, refused.value.pointers) == ("INVALID_INPUT", 422, [pointer])
    assert door.page("task") == []


def test_lengths_count_characters_after_trimming(door: Door) -> None:
    assert door.create("task", title=" " + "🎉" * 200 + " ")["title"] == "🎉" * 200


def test_an_update_changes_only_what_is_present(door: Door) -> None:
    task = door.create("task", title="Buy milk", description="Oat", priority="high")

    changed = door.update("task", task["id"], title="Buy oat milk")

    assert (changed["title"], changed["description"], changed["priority"]) == ("Buy oat milk", "Oat", "high")
    assert changed["revision"] == task["revision"] + 1
    assert changed["updated_at"] > task["updated_at"]
    assert changed["created_at"] == task["created_at"]


def test_null_clears(door: Door) -> None:
    home, tag = door.create("list", name="Home"), door.create("tag", name="shop")
    task = door.create("task", title="x", description="y", priority="low", list_id=home["id"], tag_ids=[tag["id"]])

    cleared = door.update("task", task["id"], description=None, priority=None, list_id=None, tag_ids=None)

    assert (cleared["description"], cleared["priority"], cleared["list_id"], cleared["tag_ids"]) == (None, "none", None, [])


@pytest.mark.parametrize("member", ["title", "status", "position"])
def test_what_must_have_a_value_cannot_be_cleared(door: Door, member: str) -> None:
    task = door.create("task", title="x")

    with pytest.raises(DoorError) as refused:
        door.update("task", task["id"], **{member: None})

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", [f"/{member}"])


def test_an_update_that_changes_nothing_takes_no_revision(door: Door) -> None:
    task = door.create("task", title="x", description="y")

    assert door.update("task", task["id"]) == task
    assert door.update("task", task["id"], title="x", description=" y ") == task
    assert door.me()["revision"] == task["revision"]


def test_a_blank_description_is_none(door: Door) -> None:
    assert door.create("task", title="x", description="  ")["description"] is None


def test_toggling_completes_and_reopens(door: Door) -> None:
    task = door.create("task", title="x")

    done = door.complete(task["id"])
    again = door.complete(task["id"])

    assert (done["status"], done["completed"]) == ("completed", True)
    assert done["completed_at"] == done["updated_at"]
    assert (again["status"], again["completed"], again["completed_at"]) == ("pending", False, None)


def test_setting_completion_can_be_retried(door: Door) -> None:
    task = door.create("task", title="x")

    first = door.complete(task["id"], completed=True)
    second = door.complete(task["id"], completed=True)

    assert first == second
    assert door.complete(task["id"], completed=False)["completed"] is False


def test_reopening_leaves_a_task_in_progress_alone(door: Door) -> None:
    task = door.create("task", title="x", status="in_progress")

    assert door.complete(task["id"], completed=False) == task


def test_status_decides_when_it_was_completed(door: Door) -> None:
    task = door.create("task", title="x", status="completed")
    reopened = door.update("task", task["id"], status="in_progress")

    assert task["completed_at"] is not None
    assert reopened["completed_at"] is None


def test_a_deleted_task_is_gone_with_its_subtasks_and_comments_and_comes_back_with_them(door: Door) -> None:
    task = door.create("task", title="Parent")
    child = door.create("task", title="Child", parent_id=task["id"])
    grandchild = door.create("task", title="Grandchild", parent_id=child["id"])
    remark = door.comment(grandchild["id"], "Hm")
    gone_before = door.create("task", title="Gone before", parent_id=task["id"])
    door.delete("task", gone_before["id"])

    door.delete("task", task["id"])

    assert door.page("task") == []
    with pytest.raises(DoorError) as missing:
        door.get("task", grandchild["id"])
    assert missing.value.code == "NOT_FOUND"

    restored = door.restore(task["id"])

    assert restored["title"] == "Parent"
    assert {row["title"] for row in door.page("task")} == {"Parent", "Child", "Grandchild"}
    assert [row["id"] for row in door.comments(grandchild["id"])] == [remark["id"]]
    assert restored["revision"] == door.me()["revision"]


def test_restoring_what_is_not_deleted_changes_nothing(door: Door) -> None:
    task = door.create("task", title="x")

    assert door.restore(task["id"]) == task


def test_a_restored_task_lets_go_of_what_is_gone_by_then(door: Door) -> None:
    home, parent = door.create("list", name="Home"), door.create("task", title="Parent")
    task = door.create("task", title="x", list_id=home["id"], parent_id=parent["id"])
    door.delete("task", task["id"])
    door.delete("list", home["id"])
    door.delete("task", parent["id"])

    restored = door.restore(task["id"])

    assert (restored["list_id"], restored["parent_id"]) == (None, None)


def test_a_task_cannot_be_its_own_ancestor(door: Door) -> None:
    task = door.create("task", title="Parent")
    child = door.create("task", title="Child", parent_id=task["id"])

    for parent in (task["id"], child["id"]):
        with pytest.raises(DoorError) as refused:
            door.update("task", task["id"], parent_id=parent)
        assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/parent_id"])


def test_changing_tags_is_a_change_of_the_task(door: Door) -> None:
    tags = [door.create("tag", name=name) for name in ("a", "b", "c")]
    task = door.create("task", title="x", tag_ids=[tags[0]["id"], tags[1]["id"]])

    changed = door.update("task", task["id"], tag_ids=[tags[1]["id"], tags[2]["id"]])
    same = door.update("task", task["id"], tag_ids=[tags[2]["id"], tags[1]["id"]])

    assert changed["tag_ids"] == sorted([tags[1]["id"], tags[2]["id"]])
    assert changed["revision"] > task["revision"]
    assert same == changed


def test_new_tasks_go_last_and_move_between_neighbours(door: Door) -> None:
    first, second, third = (door.create("task", title=title) for title in "abc")

    door.update("task", third["id"], position=(first["position"] + second["position"]) / 2)

    assert [row["title"] for row in door.page("task", sort="position")] == ["a", "c", "b"]


def test_creating_the_same_again_answers_the_same_row(door: Door) -> None:
    tag = door.create("tag", name="shop")
    body = {"id": str(uuid4()), "title": "Buy milk", "tag_ids": [tag["id"]], "status": "completed"}

    assert door.create("task", **body) == door.create("task", **body)
    assert len(door.page("task")) == 1

    for other in ({**body, "title": "Other"}, {**body, "tag_ids": []}):
        with pytest.raises(DoorError) as refused:
            door.create("task", **other)
        assert (refused.value.code, refused.value.status) == ("CONFLICT", 409)


def test_the_id_of_a_deleted_task_stays_taken(door: Door) -> None:
    task = door.create("task", title="x")
    door.delete("task", task["id"])

    with pytest.raises(DoorError) as refused:
        door.create("task", id=task["id"], title="x")

    assert refused.value.code == "CONFLICT"


def test_a_precondition_that_does_not_hold_shows_the_row_as_it_is(door: Door) -> None:
    task = door.create("task", title="x")
    current = door.update("task", task["id"], title="y")

    with pytest.raises(DoorError) as refused:
        door.update("task", task["id"], revision=task["revision"], title="z")
    with pytest.raises(DoorError) as not_deleted:
        door.delete("task", task["id"], revision=task["revision"])

    assert (refused.value.code, refused.value.status) == ("PRECONDITION_FAILED", 412)
    assert refused.value.current == current
    assert not_deleted.value.code == "PRECONDITION_FAILED"
    assert door.get("task", task["id"]) == current
    assert door.update("task", task["id"], revision=current["revision"], title="z")["title"] == "z"


def test_what_is_not_there_is_not_found(door: Door) -> None:
    row_id = str(uuid4())
    for act in (
        lambda: door.get("task", row_id),
        lambda: door.update("task", row_id, title="x"),
        lambda: door.delete("task", row_id),
        lambda: door.complete(row_id),
        lambda: door.restore(row_id),
        lambda: door.comment(row_id, "x"),
    ):
        with pytest.raises(DoorError) as missing:
            act()
        assert (missing.value.code, missing.value.status, missing.value.detail) == ("NOT_FOUND", 404, "There is no such task.")


def test_an_id_that_is_none_is_invalid_input(door: Door) -> None:
    with pytest.raises(DoorError) as refused:
        door.get("task", "42")

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/id"])


def test_pages_filter(door: Door) -> None:
    home, tag = door.create("list", name="Home"), door.create("tag", name="shop")
    milk = door.create("task", title="Buy MILK", list_id=home["id"], tag_ids=[tag["id"]], priority="high")
    bread = door.create("task", title="Bread", description="with milk", parent_id=milk["id"])
    done = door.create("task", title="100%", status="completed")
    busy = door.create("task", title="a_b", status="in_progress")

    def titles(**query: object) -> set[str]:
        return {row["title"] for row in door.page("task", **query)}

    everything = {row["title"] for row in (milk, bread, done, busy)}
    assert titles() == titles(status="all") == everything
    assert titles(status="in_progress") == {"a_b"}
    assert titles(completed=True) == {"100%"}
    assert titles(completed=False) == everything - {"100%"}
    assert titles(list_id=home["id"]) == titles(tag_id=tag["id"]) == titles(priority="high") == {"Buy MILK"}
    assert titles(list_id="null") == everything - {"Buy MILK"}
    assert titles(parent_id=milk["id"]) == {"Bread"}
    assert titles(parent_id="null") == everything - {"Bread"}
    assert titles(search="milk") == {"Buy MILK", "Bread"}
    assert titles(search="%") == {"100%"}
    assert titles(search="_") == {"a_b"}
    assert titles(search="'; --") == set()
    assert titles(search="milk", status="pending", list_id="null") == {"Bread"}


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
def test_pages_sort(door: Door, sort: str, expected: str) -> None:
    rows = {
        "a": door.create("task", title="b", priority="urgent"),
        "b": door.create("task", title="A", priority="none"),
        "c": door.create("task", title="D", priority="high", status="completed"),
        "d": door.create("task", title="c", priority="none"),
    }
    door.update("task", rows["a"]["id"], description="touched")

    names = {row["id"]: name for name, row in rows.items()}
    assert "".join(names[row["id"]] for row in door.page("task", sort=sort)) == expected


def test_several_tasks_at_once_are_written_all_or_none(graph: GraphQLDoor) -> None:
    created = graph.run('mutation { createTasks(inputs: [{title: "a"}, {title: "b"}]) { tasks { id title } } }')["createTasks"]
    ids = [task["id"] for task in created["tasks"]]
    assert [task["title"] for task in created["tasks"]] == ["a", "b"]

    updated = graph.run(
        "mutation($ids: [ID!]!) { updateTasks(ids: $ids, input: {priority: LOW}) { tasks { id priority revision } } }",
        ids=ids[::-1],
    )["updateTasks"]["tasks"]
    assert [task["id"] for task in updated] == ids[::-1]
    assert {task["priority"] for task in updated} == {"LOW"}
    assert len({task["revision"] for task in updated}) == 1

    with pytest.raises(DoorError) as refused:
        graph.run("mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { id } } }", ids=[*ids, str(uuid4())])
    assert refused.value.code == "NOT_FOUND"
    assert {task["status"] for task in graph.page("task")} == {"pending"}

    done = graph.run("mutation($ids: [ID!]!) { completeTasks(ids: $ids) { tasks { completed } } }", ids=ids)["completeTasks"]
    assert done["tasks"] == [{"completed": True}] * 2
    assert graph.run("mutation($ids: [ID!]!) { deleteTasks(ids: $ids) { ids } }", ids=ids)["deleteTasks"]["ids"] == ids
    assert graph.page("task") == []

    with pytest.raises(DoorError) as nothing:
        graph.run('mutation { createTasks(inputs: [{title: "a"}, {title: " "}]) { tasks { id } } }')
    assert nothing.value.pointers == ["/1/title"]
    assert graph.page("task") == []


def test_at_most_five_hundred_at_once(graph: GraphQLDoor) -> None:
    create = "mutation($i: [CreateTaskInput!]!) { createTasks(inputs: $i) { tasks { id } } }"
    complete = "mutation($i: [ID!]!) { completeTasks(ids: $i) { tasks { id } } }"

    for document, several, pointer in ((create, [{"title": "x"}] * 501, "/inputs"), (complete, [NOBODYS] * 501, "/ids")):
        with pytest.raises(DoorError) as refused:
            graph.run(document, i=several)
        assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", [pointer])
    assert graph.page("task") == []
