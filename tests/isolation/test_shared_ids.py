"""Reads and writes of two users whose rows have the same ids."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from passlib.hash import argon2

from tests.support.api_clients import RestClient
from tests.support.isolation.permission_matrix import (
    FIELDS,
    NOT_IDEMPOTENT,
    PUBLIC,
    REST,
    ROOTS,
    field_document,
    root_field_document,
)
from tests.support.isolation.resource_owner import ResourceOwner, clone_with_same_ids, create_resource_owner
from tests.support.isolation.scenario import (
    MINE,
    Call,
    Scenario,
    error_code_of,
    graphql_call,
    mask_ids,
    register_disposable_user,
    rest_call,
)
from tests.support.service import run_sql
from tests.support.users import PASSWORD

READ_ROUTES = [route for route in REST if route.startswith("GET /api/{user}")]
READ_FIELDS = [field for field in FIELDS if field[0] not in NOT_IDEMPOTENT]


@dataclass(frozen=True)
class UsersWithSharedIds:
    """A user, the responses before a second user existed, and that second user, whose rows have the same ids."""

    first: ResourceOwner
    before: dict[str, tuple[int, str, list[tuple[str, str]]]]
    second: ResourceOwner


@pytest.fixture(scope="module")
def users_with_shared_ids(each_scenario: Scenario) -> UsersWithSharedIds:
    first = create_resource_owner(each_scenario.service.url, "Beaword")
    calls = {route: rest_call(each_scenario, route, REST[route]) for route in READ_ROUTES}
    calls |= {".".join(field): graphql_call(each_scenario, field_document(field)) for field in READ_FIELDS}
    before = {name: mask_ids(call(first.user.token, {**first.ids, **MINE}), {}) for name, call in calls.items()}
    rows = {kind: first.ids[kind] for kind in ("task", "subtask", "list", "tag", "comment")}
    return UsersWithSharedIds(first, before, create_resource_owner(each_scenario.service.url, "Catword", rows))


@pytest.mark.parametrize("route", READ_ROUTES)
def test_route_returns_own_rows_when_ids_are_shared(
    each_scenario: Scenario, users_with_shared_ids: UsersWithSharedIds, route: str
) -> None:
    check_own_rows_are_returned(users_with_shared_ids, route, rest_call(each_scenario, route, REST[route]))


@pytest.mark.parametrize("type_field", READ_FIELDS, ids=".".join)
def test_field_returns_own_rows_when_ids_are_shared(
    each_scenario: Scenario, users_with_shared_ids: UsersWithSharedIds, type_field: tuple[str, str]
) -> None:
    check_own_rows_are_returned(
        users_with_shared_ids, ".".join(type_field), graphql_call(each_scenario, field_document(type_field))
    )


def check_own_rows_are_returned(users_with_shared_ids: UsersWithSharedIds, name: str, call: Call) -> None:
    first_response = call(users_with_shared_ids.first.user.token, {**users_with_shared_ids.first.ids, **MINE})
    second_response = call(users_with_shared_ids.second.user.token, {**users_with_shared_ids.second.ids, **MINE})

    assert mask_ids(first_response, {}) == users_with_shared_ids.before[name]
    assert error_code_of(first_response) is error_code_of(second_response) is None
    assert users_with_shared_ids.first.word not in second_response.text
    assert users_with_shared_ids.first.user.id not in second_response.text


def test_route_writes_only_own_rows_when_ids_are_shared(each_scenario: Scenario, route: str) -> None:
    spec = REST[route]
    if spec.scope is not PUBLIC and not route.startswith("GET"):
        check_only_own_rows_change(each_scenario, rest_call(each_scenario, route, spec))


def test_root_field_writes_only_own_rows_when_ids_are_shared(each_scenario: Scenario, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    if kind == "mutation" and field_spec.scope is not PUBLIC:
        check_only_own_rows_change(each_scenario, graphql_call(each_scenario, root_field_document(kind, name, field_spec)))


def check_only_own_rows_change(scenario: Scenario, call: Call) -> None:
    clone = clone_with_same_ids(scenario.service.database, scenario.victim)
    before = scenario.dump_rows(scenario.victim)

    response = call(clone.user.token, {**clone.ids, **MINE})

    assert error_code_of(response) is None, response.text
    assert scenario.dump_rows(scenario.victim) == before


@pytest.mark.parametrize(("path", "body"), [("/api/me/tasks", {"title": "x"}), ("/api/me/lists", {"name": "x"})])
def test_default_position_ignores_rows_of_other_users(each_scenario: Scenario, path: str, body: dict[str, str]) -> None:
    user, other_user = register_disposable_user(each_scenario), register_disposable_user(each_scenario)
    response = each_scenario.send("POST", path, other_user.token, json={**body, "position": 1e9})
    positions = [each_scenario.send("POST", path, user.token, json=body).json()["position"] for _ in range(2)]

    assert response.status_code == 201
    assert positions == [1, 2]


def test_login_rehash_changes_only_the_own_password_hash(each_scenario: Scenario) -> None:
    user, owner = register_disposable_user(each_scenario), each_scenario.service.database.owner
    run_sql(owner, 'UPDATE "user" SET password_hash = %s WHERE id = %s', argon2.using(rounds=1).hash(PASSWORD), user.id)
    before = each_scenario.dump_rows(each_scenario.victim)

    form = {"username": user.email, "password": PASSWORD}
    assert each_scenario.send("POST", "/api/auth/login", None, data=form).status_code == 200

    ((password_hash,),) = run_sql(owner, 'SELECT password_hash FROM "user" WHERE id = %s', user.id)
    assert "t=2" in str(password_hash)
    assert each_scenario.dump_rows(each_scenario.victim) == before


def test_current_password_is_checked_against_the_own_hash(each_scenario: Scenario) -> None:
    user = register_disposable_user(each_scenario)
    before = each_scenario.dump_rows(each_scenario.victim)

    change = {"password": "another password", "current_password": PASSWORD}
    assert each_scenario.send("PATCH", "/api/auth/me", user.token, json=change).status_code == 200

    form = {"username": user.email, "password": change["password"]}
    assert each_scenario.send("POST", "/api/auth/login", None, data=form).status_code == 200
    assert each_scenario.dump_rows(each_scenario.victim) == before


def test_relations_of_another_user_with_the_same_ids_are_not_visible(each_scenario: Scenario) -> None:
    """The other user's rows have the same ids, and no relations."""
    ids, user = each_scenario.victim.ids, register_disposable_user(each_scenario)
    with RestClient(each_scenario.service.url, user.token) as client:
        client.create("list", id=ids["list"], name="x")
        client.create("tag", id=ids["tag"], name="x")
        for kind in ("task", "subtask"):
            client.create("task", id=ids[kind], title="x", list_id=ids["list"])
        both = {ids["task"], ids["subtask"]}

        def find(condition: Mapping[str, Any]) -> set[str]:
            return {task["id"] for task in client.send("GET", f"/api/me/tasks?filter={json.dumps(condition)}").json()}

        for relation in ("tags", "comments", "subtasks"):
            assert find({relation: {"some": {}}}) == set(), relation
            assert find({relation: {"none": {}}}) == both, relation
        assert find({"list": {"name": {"contains": each_scenario.victim.word}}}) == set()
        assert find({"list": {"name": {"eq": "x"}}}) == both
        assert client.send("GET", f"/api/me/tasks?tag_id={ids['tag']}").json() == []
        assert client.get("task", ids["task"])["tag_ids"] == []
        assert client.update("task", ids["task"], parent_id=ids["subtask"])["parent_id"] == ids["subtask"]
        client.delete("task", ids["task"])
        assert client.get("task", ids["subtask"])["id"] == ids["subtask"]
    call = graphql_call(each_scenario, "{ tasks { nodes { tags { id } } } tags { nodes { tasks { totalCount nodes { id } } } } }")
    assert call(user.token, {}).json()["data"] == {
        "tasks": {"nodes": [{"tags": []}]},
        "tags": {"nodes": [{"tasks": {"totalCount": 0, "nodes": []}}]},
    }


@pytest.mark.parametrize(("path", "type_name"), [("lists", "TaskList"), ("tags", "Tag")])
def test_node_returns_the_own_row_for_an_id_of_another_user(each_scenario: Scenario, path: str, type_name: str) -> None:
    user, row_id = register_disposable_user(each_scenario), each_scenario.victim.ids["task"]
    each_scenario.send("POST", f"/api/me/{path}", user.token, json={"id": row_id, "name": "x"})

    response = graphql_call(each_scenario, f'{{ node(id: "{row_id}") {{ __typename id }} }}')(user.token, {})

    assert response.json()["data"] == {"node": {"__typename": type_name, "id": row_id}}
