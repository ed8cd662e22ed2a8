"""Lists, tags and comments, through both doors."""

from uuid import uuid4

import pytest

from tests.support.api_clients import Door, DoorError


def test_a_list_is_created_changed_and_deleted(door: Door) -> None:
    home = door.create("list", name=" Home ", color="#2e7d32")
    assert (home["name"], home["color"]) == ("Home", "#2e7d32")
    assert home == door.get("list", home["id"])

    changed = door.update("list", home["id"], name="House", color=None)
    assert (changed["name"], changed["color"], changed["revision"]) == ("House", None, home["revision"] + 1)

    door.delete("list", home["id"])
    assert door.page("list") == []
    with pytest.raises(DoorError) as missing:
        door.get("list", home["id"])
    assert (missing.value.code, missing.value.detail) == ("NOT_FOUND", "There is no such list.")


def test_deleting_a_list_keeps_its_tasks_and_changes_them(door: Door) -> None:
    home = door.create("list", name="Home")
    task = door.create("task", title="x", list_id=home["id"])

    door.delete("list", home["id"])

    kept = door.get("task", task["id"])
    assert kept["list_id"] is None
    assert kept["revision"] == door.me()["revision"] > task["revision"]


def test_lists_stand_by_position(door: Door) -> None:
    first, second = door.create("list", name="b"), door.create("list", name="a")
    door.create("list", name="c", position=first["position"] - 1)

    assert second["position"] > first["position"]
    assert [row["name"] for row in door.page("list")] == ["c", "b", "a"]


def test_tags_stand_by_name(door: Door) -> None:
    for name in ("b", "C", "a"):
        door.create("tag", name=name)

    assert [row["name"] for row in door.page("tag")] == ["a", "b", "C"]


def test_a_tag_name_is_unique_among_living_tags_ignoring_case(door: Door) -> None:
    tag, other = door.create("tag", name="Home"), door.create("tag", name="Work")

    with pytest.raises(DoorError) as not_created:
        door.create("tag", name="hOME")
    with pytest.raises(DoorError) as not_renamed:
        door.update("tag", other["id"], name="HOME")
    for refused in (not_created.value, not_renamed.value):
        assert (refused.code, refused.status) == ("CONFLICT", 409)
    assert door.get("tag", other["id"]) == other

    assert door.update("tag", tag["id"], name="HOME")["name"] == "HOME"
    door.delete("tag", tag["id"])
    assert door.create("tag", name="home")["name"] == "home"


def test_deleting_a_tag_takes_it_off_its_tasks_and_changes_them(door: Door) -> None:
    tag, other = door.create("tag", name="a"), door.create("tag", name="b")
    bearer = door.create("task", title="x", tag_ids=[tag["id"], other["id"]])
    bystander = door.create("task", title="y", tag_ids=[other["id"]])

    door.delete("tag", tag["id"])

    assert door.get("task", bearer["id"])["tag_ids"] == [other["id"]]
    assert door.get("task", bearer["id"])["revision"] > bearer["revision"]
    assert door.get("task", bystander["id"]) == bystander


def test_comments_are_made_listed_changed_and_deleted(door: Door) -> None:
    task = door.create("task", title="x")
    first, second = door.comment(task["id"], " One "), door.comment(task["id"], "Two")

    assert (first["body"], first["task_id"]) == ("One", task["id"])
    assert door.comments(task["id"]) == [first, second]

    changed = door.update("comment", first["id"], body="Uno")
    assert (changed["body"], changed["revision"]) == ("Uno", second["revision"] + 1)

    door.delete("comment", second["id"])
    assert door.comments(task["id"]) == [changed]


@pytest.mark.parametrize("body", ["", "  ", "x" * 5001])
def test_a_bad_comment_is_refused(door: Door, body: str) -> None:
    task = door.create("task", title="x")

    with pytest.raises(DoorError) as refused:
        door.comment(task["id"], body)

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/body"])


@pytest.mark.parametrize(("kind", "other"), [("list", {"color": "#fff"}), ("tag", {"color": "#fff"})])
def test_creating_the_same_again_answers_the_same_row(door: Door, kind: str, other: dict[str, str]) -> None:
    body = {"id": str(uuid4()), "name": "Home"}

    assert door.create(kind, **body) == door.create(kind, **body)
    with pytest.raises(DoorError) as refused:
        door.create(kind, **body, **other)
    assert refused.value.code == "CONFLICT"


def test_a_comment_sent_again_is_made_once(door: Door) -> None:
    task, comment_id = door.create("task", title="x"), str(uuid4())

    assert door.comment(task["id"], "Hm", id=comment_id) == door.comment(task["id"], "Hm", id=comment_id)
    assert len(door.comments(task["id"])) == 1


@pytest.mark.parametrize("kind", ["list", "tag", "comment"])
def test_preconditions_hold_for_all_kinds(door: Door, kind: str) -> None:
    member = "body" if kind == "comment" else "name"
    made = door.comment(door.create("task", title="x")["id"], "a") if kind == "comment" else door.create(kind, name="a")
    current = door.update(kind, made["id"], None, **{member: "b"})

    with pytest.raises(DoorError) as refused:
        door.update(kind, made["id"], made["revision"], **{member: "c"})
    with pytest.raises(DoorError) as kept:
        door.delete(kind, made["id"], revision=made["revision"])

    assert refused.value.current == current
    assert kept.value.code == "PRECONDITION_FAILED"
    door.delete(kind, made["id"], revision=current["revision"])


@pytest.mark.parametrize("color", ["#12", "#ggg", "red;", "x" * 40, "url(javascript:alert)"])
def test_a_color_is_a_color(door: Door, color: str) -> None:
    with pytest.raises(DoorError) as refused:
        door.create("list", name="Home", color=color)

    assert refused.value.pointers == ["/color"]
