"""Every route and field requires the scope that the permission matrix declares."""

from models.scopes import Scope
from services.authorization import expand_scopes
from tests.support.isolation.permission_matrix import OBJECT_TYPES, PUBLIC, REST, ROOTS, field_document, root_field_document
from tests.support.isolation.resource_owner import unknown_ids
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


def test_route_requires_the_declared_scope(scenario: Scenario, route: str) -> None:
    spec = REST[route]
    check_scopes(scenario, rest_call(scenario, route, spec), spec.scope, spec.by_api_token)


def test_root_field_requires_the_declared_scope(scenario: Scenario, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    check_scopes(
        scenario, graphql_call(scenario, root_field_document(kind, name, field_spec)), field_spec.scope, field_spec.by_api_token
    )


def test_field_requires_the_declared_scope(scenario: Scenario, type_field: tuple[str, str]) -> None:
    type_spec = OBJECT_TYPES[type_field[0]]
    check_scopes(scenario, graphql_call(scenario, field_document(type_field)), type_spec.scope, type_spec.by_api_token)


def check_scopes(scenario: Scenario, call: Call, required: str | None, by_api_token: bool) -> None:
    unknown_row_ids = unknown_ids()
    for scope, token in scenario.victim.api_tokens.items():
        allowed = required is PUBLIC or (by_api_token and Scope(required) in expand_scopes([Scope(scope)]))
        if allowed:
            continue
        foreign, unknown = call(token, {**scenario.victim.ids, **MINE}), call(token, {**unknown_row_ids, **MINE})
        assert error_code_of(foreign) == "FORBIDDEN", scope
        assert mask_ids(foreign, scenario.victim.ids) == mask_ids(unknown, unknown_row_ids), scope
    if required is not PUBLIC and by_api_token:
        created = scenario.send(
            "POST", "/api/auth/tokens", register_disposable_user(scenario).token, json={"name": "x", "scopes": [required]}
        ).json()
        response = call(created["token"], {**unknown_row_ids, **MINE})
        assert error_code_of(response) not in {"FORBIDDEN", "UNAUTHENTICATED", "INTERNAL"}
