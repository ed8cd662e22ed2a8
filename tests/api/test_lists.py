"""Lists over both APIs, and rules that lists share with tags and comments."""

from uuid import uuid4

import pytest

from tests.support.api_clients import ApiClient, ApiError


def test_list_is_created_updated_and_deleted(client: ApiClient) -> None:
    home = client.create("list", name=" Home ", color="#2e7d32")
    assert (home["name"], home["color"]) == ("Home", "#2e7d32")
    assert home == client.get("list", home["id"])

    changed = client.update("list", home["id"], name="Garden", color=None)
    assert (changed["name"], changed["color"], changed["revision"]) == ("Garden", None, home["revision"] + 1)

    client.delete("list", home["id"])
    assert client.page("list") == []
    with pytest.raises(ApiError) as error:
        client.get("list", home["id"])
    assert (error.value.code, error.value.detail) == ("NOT_FOUND", "List not found.")


def test_deleting_a_list_clears_list_id_and_bumps_revisions_of_its_tasks(client: ApiClient) -> None:
    home = client.create("list", name="Home")
    task = client.create("task", title="x", list_id=home["id"])

    client.delete("list", home["id"])

    not_deleted = client.get("task", task["id"])
    assert not_deleted["list_id"] is None
    assert not_deleted["revision"] == client.me()["revision"] > task["revision"]


def test_lists_are_ordered_by_position(client: ApiClient) -> None:
    first, second = client.create("list", name="b"), client.create("list", name="a")
    client.create("list", name="c", position=first["position"] - 1)

    assert second["position"] > first["position"]
    assert [row["name"] for row in client.page("list")] == ["c", "b", "a"]


@pytest.mark.parametrize(("kind", "other_fields"), [("list", {"color": "#fff"}), ("tag", {"color": "#fff"})])
def test_create_with_the_same_id_and_values_is_idempotent(client: ApiClient, kind: str, other_fields: dict[str, str]) -> None:
    body = {"id": str(uuid4()), "name": "Home"}

    assert client.create(kind, **body) == client.create(kind, **body)
    with pytest.raises(ApiError) as error:
        client.create(kind, **body, **other_fields)
    assert error.value.code == "CONFLICT"


@pytest.mark.parametrize("kind", ["list", "tag", "comment"])
def test_stale_precondition_is_rejected_for_every_resource_type(client: ApiClient, kind: str) -> None:
    field = "body" if kind == "comment" else "name"
    created = client.comment(client.create("task", title="x")["id"], "a") if kind == "comment" else client.create(kind, name="a")
    current = client.update(kind, created["id"], None, **{field: "b"})

    with pytest.raises(ApiError) as error:
        client.update(kind, created["id"], created["revision"], **{field: "c"})
    with pytest.raises(ApiError) as not_deleted:
        client.delete(kind, created["id"], revision=created["revision"])

    assert error.value.current == current
    assert not_deleted.value.code == "PRECONDITION_FAILED"
    client.delete(kind, created["id"], revision=current["revision"])


@pytest.mark.parametrize("color", ["#12", "#ggg", "red;", "x" * 40, "url(javascript:alert)"])
def test_invalid_color_returns_422(client: ApiClient, color: str) -> None:
    with pytest.raises(ApiError) as error:
        client.create("list", name="Home", color=color)

    assert error.value.pointers == ["/color"]
