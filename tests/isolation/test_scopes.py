"""Every route and field requires the scope that the permission matrix declares."""

from models.scopes import Scope
from services.grants import widened
from tests.support.isolation_world import (
    MINE,
    Call,
    World,
    error_code_of,
    graph_call,
    mask_ids,
    register_disposable_user,
    rest_call,
)
from tests.support.permission_matrix import OBJECT_TYPES, PUBLIC, REST, ROOTS, field_document, root_field_document
from tests.support.resource_owner import unknown_ids


def test_route_requires_the_declared_scope(world: World, route: str) -> None:
    spec = REST[route]
    check_scopes(world, rest_call(world, route, spec), spec.scope, spec.by_api_token)


def test_root_field_requires_the_declared_scope(world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    check_scopes(world, graph_call(world, root_field_document(kind, name, field_spec)), field_spec.scope, field_spec.by_api_token)


def test_field_requires_the_declared_scope(world: World, type_field: tuple[str, str]) -> None:
    type_spec = OBJECT_TYPES[type_field[0]]
    check_scopes(world, graph_call(world, field_document(type_field)), type_spec.scope, type_spec.by_api_token)


def check_scopes(world: World, call: Call, needed: str | None, by_api_token: bool) -> None:
    nothing = unknown_ids()
    for scope, token in world.victim.api_tokens.items():
        allowed = needed is PUBLIC or (by_api_token and Scope(needed) in widened([Scope(scope)]))
        if allowed:
            continue
        foreign, unknown = call(token, {**world.victim.ids, **MINE}), call(token, {**nothing, **MINE})
        assert error_code_of(foreign) == "FORBIDDEN", scope
        assert mask_ids(foreign, world.victim.ids) == mask_ids(unknown, nothing), scope
    if needed is not PUBLIC and by_api_token:
        made = world.send(
            "POST", "/api/auth/tokens", register_disposable_user(world).token, json={"name": "x", "scopes": [needed]}
        ).json()
        answer = call(made["token"], {**nothing, **MINE})
        assert error_code_of(answer) not in {"FORBIDDEN", "UNAUTHENTICATED", "INTERNAL"}
