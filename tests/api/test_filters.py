"""Filters over both APIs."""

from collections.abc import Callable
from typing import Any

import pytest

from services.query_engine.filter_parser import MAX_FILTER_RELATIONS
from tests.support.api_clients import ApiClient, ApiError, RestClient

Titles = Callable[[dict[str, Any]], set[str]]


@pytest.fixture
def rows(client: ApiClient) -> dict[str, Any]:
    """Tasks, lists, tags and a comment by name."""
    rows = {name: client.create("list", name=name, color=color) for name, color in (("Home", "#fff"), ("Work", None))}
    rows |= {name: client.create("tag", name=name) for name in ("urgent", "food")}
    milk = {"list_id": rows["Home"]["id"], "tag_ids": [rows["food"]["id"], rows["urgent"]["id"]]}
    rows["Milk"] = client.create("task", title="Milk", priority="high", position=1, **milk)
    rows["Bread"] = client.create(
        "task", title="Bread", priority="low", position=2, tag_ids=[rows["food"]["id"]], description="rye"
    )
    rows["Report"] = client.create("task", title="Report", list_id=rows["Work"]["id"], status="completed", position=3)
    rows["Part"] = client.create(
        "task", title="Part", parent_id=rows["Report"]["id"], status="in_progress", priority="urgent", position=4
    )
    rows["Hm"] = client.comment(rows["Milk"]["id"], "Hm")
    return rows


@pytest.fixture
def titles(client: ApiClient, rows: dict[str, Any]) -> Titles:  # noqa: ARG001 - the rows must be there
    """A function that returns the titles of the tasks that match a filter."""
    return lambda tree: {row["title"] for row in client.page("task", filter=tree)}


ALL = {"Milk", "Bread", "Report", "Part"}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, ALL),
        ({"and": []}, ALL),
        ({"or": []}, set()),
        ({"not": {}}, set()),
        ({"title": {"eq": "Milk"}}, {"Milk"}),
        ({"title": {"ne": "Milk"}}, ALL - {"Milk"}),
        ({"title": {"in": ["Milk", "Bread", "Eggs"]}}, {"Milk", "Bread"}),
        ({"title": {"in": []}}, set()),
        ({"title": {"contains": "R"}}, {"Bread", "Report", "Part"}),
        ({"title": {"contains": "R", "ne": "Part"}}, {"Bread", "Report"}),
        ({"description": {"is_null": True}}, ALL - {"Bread"}),
        ({"description": {"is_null": False}}, {"Bread"}),
        ({"description": {"ne": "x"}}, {"Bread"}),
        ({"not": {"description": {"eq": "rye"}}}, ALL - {"Bread"}),
        ({"status": {"in": ["completed", "in_progress"]}}, {"Report", "Part"}),
        ({"completed": {"ne": False}}, {"Report"}),
        ({"priority": {"gte": "high"}}, {"Milk", "Part"}),
        ({"priority": {"gt": "none", "lt": "high"}}, {"Bread"}),
        ({"priority": {"lte": "none"}}, {"Report"}),
        ({"position": {"gt": 1, "lte": 3.5}}, {"Bread", "Report"}),
        ({"position": {"in": [1, 2.0]}}, {"Milk", "Bread"}),
        ({"list_id": {"is_null": True}}, {"Bread"}),
        ({"completed_at": {"is_null": False}}, {"Report"}),
        ({"completed_at": {"gt": "2000-01-01T00:00:00Z"}}, {"Report"}),
        ({"created_at": {"gt": "2000-01-01T00:00:00+23:59"}}, ALL),
        ({"created_at": {"lt": "9999-12-31T23:59:59-14:00"}}, ALL),
        ({"created_at": {"lt": "2000-01-01T00:00:00Z"}}, set()),
        ({"list": {}}, {"Milk", "Report", "Part"}),
        ({"list": {"name": {"eq": "Home"}}}, {"Milk"}),
        ({"not": {"list": {"name": {"eq": "Home"}}}}, ALL - {"Milk"}),
        ({"list": {"not": {"color": {"eq": "#fff"}}}}, {"Report", "Part"}),
        ({"parent": {"list": {"name": {"contains": "wor"}}}}, {"Part"}),
        ({"tags": {"some": {}}}, {"Milk", "Bread"}),
        ({"tags": {"none": {"name": {"eq": "food"}}}}, {"Report", "Part"}),
        ({"tags": {"every": {"name": {"eq": "food"}}}}, ALL - {"Milk"}),
        ({"tags": {"some": {"name": {"eq": "food"}}, "none": {"name": {"eq": "urgent"}}}}, {"Bread"}),
        ({"subtasks": {"some": {"priority": {"eq": "urgent"}}}}, {"Report"}),
        ({"comments": {"some": {"body": {"contains": "h"}}}}, {"Milk"}),
        ({"comments": {"some": {"task": {"title": {"eq": "Bread"}}}}}, set()),
        ({"tags": {"some": {"tasks": {"some": {"title": {"eq": "Bread"}}}}}}, {"Milk", "Bread"}),
        ({"or": [{"title": {"eq": "Milk"}}, {"and": [{"title": {"eq": "Bread"}}, {"priority": {"ne": "low"}}]}]}, {"Milk"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_filter_condition_matches_expected_tasks(titles: Titles, tree: dict[str, Any], expected: set[str]) -> None:
    assert titles(tree) == expected


def test_ids_and_revisions_can_be_filtered(titles: Titles, rows: dict[str, Any]) -> None:
    assert titles({"id": {"in": [rows["Milk"]["id"], rows["Part"]["id"]]}}) == {"Milk", "Part"}
    assert titles({"id": {"ne": rows["Milk"]["id"]}}) == ALL - {"Milk"}
    assert titles({"list_id": {"eq": rows["Work"]["id"]}}) == {"Report", "Part"}
    assert titles({"parent_id": {"ne": rows["Milk"]["id"]}}) == {"Part"}
    assert titles({"revision": {"gt": rows["Bread"]["revision"]}}) == {"Report", "Part"}
    assert titles({"updated_at": {"gte": rows["Report"]["updated_at"]}}) == {"Report", "Part"}
    assert titles({"created_at": {"eq": rows["Milk"]["created_at"]}}) == {"Milk"}


def test_deleted_rows_match_no_filter(client: ApiClient, titles: Titles, rows: dict[str, Any]) -> None:
    client.delete("comment", rows["Hm"]["id"])
    client.delete("task", rows["Part"]["id"])
    client.delete("tag", rows["urgent"]["id"])

    assert titles({"comments": {"some": {}}}) == set()
    assert titles({"subtasks": {"some": {}}}) == set()
    assert titles({"tags": {"some": {"name": {"eq": "urgent"}}}}) == set()


@pytest.mark.parametrize(
    ("tree", "pointer"),
    [
        ({"position": {"eq": "first"}}, "/filter/position/eq"),
        ({"revision": {"eq": 10**22}}, "/filter/revision/eq"),
        ({"revision": {"eq": 1.5}}, "/filter/revision/eq"),
        ({"list": {"tasks": {"any": {}}}}, "/filter/list/tasks"),
        ({"list": []}, "/filter/list"),
        ({"list": {"name": {"like": "x"}}}, "/filter/list/name/like"),
        ({"priority": {"gt": "huge"}}, "/filter/priority/gt"),
        ({"and": [{"title": {"eq": "x"}}] * 201}, "/filter"),
        ({"or": [{"tags": {"some": {}}}] * 200}, "/filter"),
        ({"title": {"in": ["x"] * 501}}, "/filter/title/in"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_filter_returns_pointer(rest_client: RestClient, tree: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ApiError) as error:
        rest_client.page("task", filter=tree)

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", [pointer])


def test_filter_over_the_relation_limit_is_rejected(client: ApiClient) -> None:
    def filter_tasks(*, deep: int, wide: int) -> list[dict[str, Any]]:
        tree: dict[str, Any] = {"title": {"eq": "x"}}
        for _ in range(deep):
            tree = {"parent": tree}
        return client.page("task", filter={"not": {"or": [tree, *[{"tags": {"some": {}, "none": {}}}] * wide]}})

    assert filter_tasks(deep=2, wide=(MAX_FILTER_RELATIONS - 2) // 2) == []
    for deep, wide in ((3, (MAX_FILTER_RELATIONS - 2) // 2), (0, 99)):
        with pytest.raises(ApiError) as error:
            filter_tasks(deep=deep, wide=wide)
        assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/filter"])
        assert f"at most {MAX_FILTER_RELATIONS} relations" in error.value.detail


def test_rest_filter_accepts_camel_case_names(rest_client: RestClient) -> None:
    rest_client.create("task", title="x")

    assert len(rest_client.page("task", filter={"listId": {"isNull": True}})) == 1


ACCEPTED_OPERANDS: dict[str, list[object]] = {
    "revision": [1, 1.0, -0.0],
    "position": [1, 1.0, 1e300],
    "created_at": [
        "2026-01-01T00:00:00Z",
        "2026-01-01t00:00:00.123456+05:30",
        "2026-01-01 00:00:00-00:00",
        "2026-01-01T00:00Z",
    ],
}
REJECTED_OPERANDS: dict[str, list[object]] = {
    "revision": ["1", 1.5, True, "", [1], {}, None, 1e300],
    "position": ["1", "1.0", "NaN", True, "", [1], {}, None],
    "completed": ["true", 1, 0, 1.0, "", None],
    "title": [1, 1.5, True, ["x"], {}, None],
    "priority": [1, True, "lowest", " low", "", None],
    "list_id": [1, True, "", "x", None],
    "created_at": [
        *(0, 1767225600, 1.5, True, None, "", "0", "1767225600", "1767225600.5", "2026", "2026-01-01", "now"),
        *("2026-01-01T00:00:00", "20260101T000000Z", "2026-W01-1T00:00:00Z", "2026-001T00:00:00Z"),
    ],
}


@pytest.mark.parametrize("column", ACCEPTED_OPERANDS)
def test_both_apis_accept_the_same_filter_operands(client: ApiClient, column: str) -> None:
    task = client.create("task", title="x", position=1)

    for operand in ACCEPTED_OPERANDS[column]:
        for operator in ("eq", "ne", "lt", "lte", "gt", "gte"):
            client.page("task", filter={column: {operator: operand}})
        client.page("task", filter={column: {"in": [operand]}})
    assert client.page("task", filter={"revision": {"eq": float(task["revision"])}, "position": {"eq": 1}}) == [task]


@pytest.mark.parametrize("column", REJECTED_OPERANDS)
def test_both_apis_reject_filter_operands_of_another_type(client: ApiClient, column: str) -> None:
    accepted = []
    for operand in REJECTED_OPERANDS[column]:
        for condition in ({"eq": operand}, {"in": [operand]}):
            try:
                client.page("task", filter={column: condition})
                accepted.append(condition)
            except ApiError as error:
                assert error.code == "INVALID_INPUT"  # noqa: PT017 - all operands are tried
    assert accepted == []
