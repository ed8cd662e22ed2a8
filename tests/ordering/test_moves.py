"""Moves of tasks and lists to another place, over both APIs."""

from math import nextafter
from typing import Any

import pytest

from models.schemas.field_types import MAX_POSITION
from tests.support.api_clients import ApiClient, ApiError, RestClient, Row, expect_error
from tests.support.service import RunningService, run_sql
from tests.support.users import TestUser

UNKNOWN_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"
NAME = {"task": "title", "list": "name"}
KINDS = pytest.mark.parametrize("kind", NAME)


def create_rows(client: ApiClient, kind: str, names: str, **fields: Any) -> dict[str, str]:
    """Create a row for each letter, in this order; return their ids by name."""
    return {name: client.create(kind, **{NAME[kind]: name}, **fields)["id"] for name in names}


def order(client: ApiClient, kind: str, **query: Any) -> str:
    return "".join(row[NAME[kind]] for row in client.page(kind, sort="position", limit=500, **query))


def revisions(client: ApiClient, kind: str) -> dict[str, int]:
    return {row[NAME[kind]]: row["revision"] for row in client.page(kind, sort="position", limit=500)}


def set_positions(client: ApiClient, kind: str, ids: dict[str, str], positions: list[float]) -> None:
    for row_id, position in zip(ids.values(), positions, strict=True):
        client.update(kind, row_id, position=position)


@KINDS
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"to": "first"}, "cabd"),
        ({"to": "last"}, "abdc"),
        ({"before": "a"}, "cabd"),
        ({"before": "b"}, "acbd"),
        ({"after": "a"}, "acbd"),
        ({"after": "d"}, "abdc"),
        ({"before": "a", "after": None}, "cabd"),
    ],
)
def test_move_puts_the_row_at_the_place_and_changes_no_other(
    client: ApiClient, kind: str, place: dict[str, str | None], expected: str
) -> None:
    ids = create_rows(client, kind, "abcd")
    before = revisions(client, kind)

    moved = client.move(kind, ids["c"], None, **{name: ids.get(str(target), target) for name, target in place.items()})

    assert order(client, kind) == expected
    revision = client.me()["revision"]
    assert moved["revision"] == revision
    assert revisions(client, kind) == before | {"c": revision}
    assert revision == max(before.values()) + 1
    assert client.update(kind, ids["c"], position=moved["position"])["revision"] == revision


@KINDS
@pytest.mark.parametrize("place", [{"before": "c"}, {"after": "a"}, {"to": "first"}, {"to": "last"}])
def test_move_to_the_present_place_takes_no_revision(client: ApiClient, kind: str, place: dict[str, str]) -> None:
    ids = create_rows(client, kind, "abc")
    row_id = ids[{"first": "a", "last": "c"}.get(place.get("to", ""), "b")]
    before, revision = revisions(client, kind), client.me()["revision"]

    moved = client.move(kind, row_id, None, **{name: ids.get(target, target) for name, target in place.items()})

    assert moved == client.get(kind, row_id)
    assert (revisions(client, kind), client.me()["revision"]) == (before, revision)


@KINDS
def test_move_of_the_only_row_takes_no_revision(client: ApiClient, kind: str) -> None:
    row = client.create(kind, **{NAME[kind]: "a"})

    assert client.move(kind, row["id"], to="last") == client.move(kind, row["id"], to="first") == row


@KINDS
def test_many_moves_between_two_neighbors_keep_the_order_and_renumber_few_rows(client: ApiClient, kind: str) -> None:
    names = "".join(chr(ord("a") + index) for index in range(8))
    ids = create_rows(client, kind, names)
    expected = list(names)
    renumbered = 0

    for step in range(130):
        name = names[2 + step % 6]
        before = revisions(client, kind)
        moved = client.move(kind, ids[name], after=ids["a"])
        expected.remove(name)
        expected.insert(1, name)
        after = revisions(client, kind)
        changed = {other for other in names if after[other] != before[other]}
        assert order(client, kind) == "".join(expected)
        assert {after[other] for other in changed} == {moved["revision"]}
        assert name in changed
        renumbered += len(changed) - 1
    assert 0 < renumbered < 20


@KINDS
@pytest.mark.parametrize(
    ("positions", "changed"),
    [
        ([1.0, nextafter(1, 2), 3.0, 4.0, 9.0], "aX"),
        ([-5.0, 1.0, 1.0, 4.0, 9.0], "bX"),
        ([1.0, 1.0, 1.0, 1.0, 9.0], "aX"),
        ([MAX_POSITION - 4, MAX_POSITION - 3, MAX_POSITION - 2, MAX_POSITION - 1, MAX_POSITION], "abX"),
    ],
)
def test_closed_gap_renumbers_the_smallest_run(client: ApiClient, kind: str, positions: list[float], changed: str) -> None:
    ids = create_rows(client, kind, "abcdX", id=None)
    set_positions(client, kind, ids, positions)
    place = {"aX": "a", "bX": "b", "abX": "b"}[changed]
    before = revisions(client, kind)
    expected = [name for name in order(client, kind) if name != "X"]
    expected.insert(expected.index(place) + 1, "X")

    client.move(kind, ids["X"], after=ids[place])

    after = revisions(client, kind)
    assert order(client, kind) == "".join(expected)
    assert {name for name in after if after[name] != before[name]} == set(changed)
    assert after["X"] == max(before.values()) + 1


@KINDS
def test_rows_with_equal_positions_can_be_moved_to_any_place(client: ApiClient, kind: str) -> None:
    ids = create_rows(client, kind, "abcde", position=7)
    expected = sorted(ids, key=lambda name: ids[name])
    assert order(client, kind) == "".join(expected)

    for name, target in ("ab", "ec", "cd", "db", "be"):
        client.move(kind, ids[name], after=ids[target])
        expected.remove(name)
        expected.insert(expected.index(target) + 1, name)
        assert order(client, kind) == "".join(expected)
    rows = client.page(kind, sort="position")
    assert len({row["position"] for row in rows}) == len(rows)


@KINDS
@pytest.mark.parametrize(("end", "limit"), [("first", -MAX_POSITION), ("last", MAX_POSITION)])
def test_move_beyond_a_row_at_the_limit_renumbers(client: ApiClient, kind: str, end: str, limit: float) -> None:
    ids = create_rows(client, kind, "abc")
    client.update(kind, ids["b"], position=limit)

    for name in "ca":
        moved = client.move(kind, ids[name], to=end)
        assert abs(moved["position"]) <= MAX_POSITION
        assert client.update(kind, ids[name], position=moved["position"])["position"] == moved["position"]
    assert order(client, kind) == {"first": "acb", "last": "bca"}[end]


def test_more_equal_positions_than_can_be_renumbered_is_a_conflict(
    client: ApiClient, service: RunningService, user: TestUser
) -> None:
    ids = create_rows(client, "task", "abx", position=1)
    values = "title, title_sort_key, search_lexemes, status, priority, position, created_at, updated_at, revision"
    run_sql(
        service.database.owner,
        f"INSERT INTO task (user_id, id, {values}) SELECT user_id, gen_random_uuid(), {values} "
        "FROM task, generate_series(1, %s) WHERE user_id = %s AND title = 'a'",
        2_001,
        user.id,
    )
    target = run_sql(
        service.database.owner,
        "SELECT id FROM task WHERE user_id = %s AND title <> 'x' ORDER BY id OFFSET 1001 LIMIT 1",
        user.id,
    )[0][0]
    revision = client.me()["revision"]

    with expect_error("CONFLICT") as error:
        client.move("task", ids["x"], after=str(target))
    assert error.value.pointers == ["/after"]
    assert client.me()["revision"] == revision
    assert client.move("task", ids["x"], to="last")["position"] == 2


@KINDS
@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        ({}, ""),
        ({"before": None}, ""),
        ({"before": "b", "after": "a"}, ""),
        ({"before": "b", "to": "first"}, ""),
        ({"before": UNKNOWN_ID}, "/before"),
        ({"after": UNKNOWN_ID}, "/after"),
        ({"after": "deleted"}, "/after"),
        ({"after": "own"}, "/after"),
        ({"before": "own"}, "/before"),
        ({"before": "nonsense"}, "/before"),
    ],
)
def test_contradictory_place_is_invalid(client: ApiClient, kind: str, place: dict[str, Any], pointer: str) -> None:
    ids = create_rows(client, kind, "abc") | {"deleted": client.create(kind, **{NAME[kind]: "d"})["id"]}
    client.delete(kind, ids["deleted"])
    ids["own"] = ids["c"]
    revision = client.me()["revision"]

    with expect_error("INVALID_INPUT") as error:
        client.move(kind, ids["c"], **{name: ids.get(target, target) for name, target in place.items()})

    assert error.value.pointers == [pointer]
    assert client.me()["revision"] == revision


def test_unknown_end_is_invalid(rest_client: RestClient) -> None:
    task = rest_client.create("task", title="a")

    with expect_error("INVALID_INPUT") as error:
        rest_client.move("task", task["id"], to="middle")
    assert error.value.pointers == ["/to"]


@KINDS
def test_move_checks_the_revision(client: ApiClient, kind: str) -> None:
    ids = create_rows(client, kind, "ab")
    current = client.get(kind, ids["b"])

    with expect_error("PRECONDITION_FAILED") as error:
        client.move(kind, ids["b"], current["revision"] - 1, to="first")
    assert error.value.current == current
    assert order(client, kind) == "ab"
    client.move(kind, ids["b"], current["revision"], to="first")
    assert order(client, kind) == "ba"


@KINDS
def test_move_of_an_unknown_or_deleted_row_is_not_found(client: ApiClient, kind: str) -> None:
    row = client.create(kind, **{NAME[kind]: "a"})
    client.delete(kind, row["id"])

    for row_id in (UNKNOWN_ID, row["id"]):
        with expect_error("NOT_FOUND"):
            client.move(kind, row_id, to="first")


def test_lists_and_parents_have_an_order_each(client: ApiClient) -> None:
    home, work = (client.create("list", name=name)["id"] for name in ("Home", "Work"))
    in_home, in_work = create_rows(client, "task", "abc", list_id=home), create_rows(client, "task", "xyz", list_id=work)
    subtasks = create_rows(client, "task", "stu", parent_id=in_home["a"])

    client.move("task", in_home["c"], to="first")
    client.move("task", in_work["x"], to="last")
    client.move("task", subtasks["u"], before=subtasks["t"])

    assert order(client, "task", list_id=home, parent_id="null") == "cab"
    assert order(client, "task", list_id=work) == "yzx"
    assert order(client, "task", parent_id=in_home["a"]) == "sut"


def test_target_in_another_list_or_below_another_parent_is_invalid(client: ApiClient) -> None:
    home = client.create("list", name="Home")["id"]
    in_home, unlisted = create_rows(client, "task", "ab", list_id=home), create_rows(client, "task", "xy")
    subtasks = create_rows(client, "task", "s", parent_id=in_home["a"])

    for task_id, target, fields in (
        (unlisted["x"], in_home["a"], {}),
        (in_home["b"], subtasks["s"], {}),
        (in_home["b"], unlisted["x"], {}),
        (unlisted["x"], unlisted["y"], {"list_id": home}),
        (unlisted["x"], in_home["a"], {"parent_id": in_home["a"]}),
        (subtasks["s"], in_home["b"], {}),
    ):
        with expect_error("INVALID_INPUT") as error:
            client.move("task", task_id, after=target, **fields)
        assert error.value.pointers == ["/after"]


def test_move_to_another_list_takes_subtasks_along_in_one_revision(client: ApiClient) -> None:
    home, work = (client.create("list", name=name)["id"] for name in ("Home", "Work"))
    (parent,) = create_rows(client, "task", "p", list_id=home).values()
    (child,) = create_rows(client, "task", "c", parent_id=parent).values()
    (grandchild,) = create_rows(client, "task", "g", parent_id=child).values()
    in_work = create_rows(client, "task", "xy", list_id=work)
    revision = client.me()["revision"]

    moved = client.move("task", parent, after=in_work["x"], list_id=work)

    assert (moved["list_id"], moved["revision"]) == (work, revision + 1)
    assert order(client, "task", list_id=work, parent_id="null") == "xpy"
    for task_id in (child, grandchild):
        assert (client.get("task", task_id)["list_id"], client.get("task", task_id)["revision"]) == (work, revision + 1)
    assert client.move("task", parent, to="last", list_id=None)["list_id"] is None
    assert client.get("task", grandchild)["list_id"] is None


def test_move_to_another_parent_takes_its_list(client: ApiClient) -> None:
    home, work = (client.create("list", name=name)["id"] for name in ("Home", "Work"))
    tasks = create_rows(client, "task", "ab", list_id=home)
    subtasks = create_rows(client, "task", "st", parent_id=client.create("task", title="P", list_id=work)["id"])
    parent = client.get("task", subtasks["s"])["parent_id"]

    moved = client.move("task", tasks["a"], before=subtasks["t"], parent_id=parent)
    assert (moved["parent_id"], moved["list_id"]) == (parent, work)
    assert order(client, "task", parent_id=parent) == "sat"
    assert client.move("task", tasks["b"], to="first", parent_id=parent, list_id=work)["list_id"] == work
    out = client.move("task", tasks["a"], to="first", parent_id=None)
    assert (out["parent_id"], out["list_id"]) == (None, work)
    out = client.move("task", subtasks["s"], to="first", parent_id=None, list_id=home)
    assert (out["parent_id"], out["list_id"]) == (None, home)
    assert order(client, "task", parent_id=parent) == "bt"


def test_move_obeys_the_rules_of_lists_and_parents(client: ApiClient) -> None:
    home, work = (client.create("list", name=name)["id"] for name in ("Home", "Work"))
    (parent,) = create_rows(client, "task", "p", list_id=home).values()
    (child,) = create_rows(client, "task", "c", parent_id=parent).values()
    (grandchild,) = create_rows(client, "task", "g", parent_id=child).values()
    (other,) = create_rows(client, "task", "o", list_id=work).values()

    for task_id, fields, pointers in (
        (child, {"list_id": work}, ["/list_id"]),
        (child, {"list_id": None}, ["/list_id"]),
        (child, {"list_id": home, "parent_id": other}, ["/list_id"]),
        (other, {"list_id": None, "parent_id": child}, ["/list_id"]),
        (parent, {"parent_id": parent}, ["/parent_id"]),
        (parent, {"parent_id": grandchild}, ["/parent_id"]),
        (parent, {"parent_id": UNKNOWN_ID}, ["/parent_id"]),
        (parent, {"list_id": UNKNOWN_ID, "parent_id": UNKNOWN_ID}, ["/list_id", "/parent_id"]),
    ):
        with expect_error("INVALID_INPUT") as error:
            client.move("task", task_id, to="first", **fields)
        assert error.value.pointers == pointers
    assert client.move("task", child, to="first", list_id=home) == client.get("task", child)


@pytest.mark.parametrize(
    ("moved", "place", "expected"),
    [
        ("ca", {"to": "last"}, "bdeca"),
        ("ea", {"before": "c"}, "beacd"),
        ("ba", {"after": "a"}, None),
        ("edcba", {"to": "first"}, "edcba"),
        ("bc", {"after": "a"}, "abcde"),
        ("cb", {"after": "a"}, "acbde"),
        ("ae", {"after": "b"}, "baecd"),
    ],
)
def test_move_of_several_tasks_puts_them_in_the_order_of_the_ids(
    client: ApiClient, moved: str, place: dict[str, str], expected: str | None
) -> None:
    ids = create_rows(client, "task", "abcde")
    before, revision = client.page("task", sort="title"), client.me()["revision"]
    place = {name: ids.get(target, target) for name, target in place.items()}

    if expected is None:
        with expect_error("INVALID_INPUT") as error:
            client.move_tasks([ids[name] for name in moved], **place)
        assert error.value.pointers == ["/after"]
        return
    rows = client.move_tasks([ids[name] for name in moved], **place)

    assert "".join(row["title"] for row in rows) == moved
    assert order(client, "task") == expected
    changed = [now for now, then in zip(client.page("task", sort="title"), before, strict=True) if now != then]
    assert {row["title"] for row in changed} <= set(moved)
    assert all(row["revision"] == revision + 1 for row in changed)
    assert not {(row["title"], row["position"]) for row in changed} & {(row["title"], row["position"]) for row in before}
    assert bool(changed) == (expected != "abcde")
    assert client.me()["revision"] == revision + (expected != "abcde")


def test_move_of_several_tasks_gathers_them_from_lists_and_parents(client: ApiClient) -> None:
    home = client.create("list", name="Home")["id"]
    in_home, unlisted = create_rows(client, "task", "ab", list_id=home), create_rows(client, "task", "xy")
    subtasks = create_rows(client, "task", "s", parent_id=unlisted["x"])
    deeper = create_rows(client, "task", "t", parent_id=subtasks["s"])
    ids = [subtasks["s"], unlisted["y"], in_home["a"]]

    rows = client.move_tasks(ids, after=in_home["b"], list_id=home, parent_id=None)

    assert {(row["list_id"], row["parent_id"], row["revision"]) for row in rows} == {(home, None, client.me()["revision"])}
    assert order(client, "task", list_id=home, parent_id="null") == "bsya"
    assert client.get("task", deeper["t"])["list_id"] == home


def test_errors_of_moving_several_tasks_name_the_task_and_change_nothing(client: ApiClient) -> None:
    home = client.create("list", name="Home")["id"]
    ids = create_rows(client, "task", "abc") | create_rows(client, "task", "h", list_id=home)
    ids |= create_rows(client, "task", "s", parent_id=ids["a"])
    revision = client.me()["revision"]

    for moved, fields, code, pointers in (
        ("ab?", {}, "NOT_FOUND", ["/2/id"]),
        ("ah", {}, "INVALID_INPUT", ["/1"]),
        ("as", {}, "INVALID_INPUT", ["/1"]),
        ("bs", {"list_id": home}, "INVALID_INPUT", ["/1/list_id"]),
        ("ba", {"parent_id": ids["s"]}, "INVALID_INPUT", ["/1/parent_id"]),
        ("ab", {"parent_id": ids["h"], "list_id": None}, "INVALID_INPUT", ["/list_id"]),
        ("aba", {}, "INVALID_INPUT", ["/ids"]),
    ):
        with expect_error(code) as error:
            client.move_tasks([ids.get(name, UNKNOWN_ID) for name in moved], to="last", **fields)
        assert error.value.pointers == pointers
    assert client.me()["revision"] == revision
    assert client.move_tasks([], to="last") == []


def test_more_than_500_tasks_at_once_are_invalid(client: ApiClient) -> None:
    task_id = client.create("task", title="a")["id"]

    with pytest.raises(ApiError) as error:
        client.move_tasks([task_id] * 501, to="first")
    assert error.value.code in {"INVALID_INPUT", "QUERY_TOO_COMPLEX"}


def test_if_match_of_several_tasks_lists_the_revisions_of_all(rest_client: RestClient) -> None:
    rows: list[Row] = [rest_client.create("task", title=title) for title in "abc"]
    body = {"ids": [rows[2]["id"], rows[0]["id"]], "to": "first"}

    with expect_error("PRECONDITION_FAILED") as error:
        rest_client.send("POST", "/api/me/tasks/move", json=body, headers={"If-Match": f'"{rows[2]["revision"]}"'})
    assert error.value.pointers == ["/1"]
    assert error.value.current == rows[0]
    tags = f'"{rows[2]["revision"]}", "{rows[0]["revision"]}"'
    rest_client.send("POST", "/api/me/tasks/move", json=body, headers={"If-Match": tags})
    assert order(rest_client, "task") == "cab"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_path_of_several_moves_is_no_task(rest_client: RestClient, method: str) -> None:
    response = rest_client.http.request(method, "/api/me/tasks/move")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
