"""Every route and field rejects every kind of invalid token."""

import jwt

from tests.support.isolation.invalid_tokens import EXTERNAL_ISSUER
from tests.support.isolation.permission_matrix import OBJECT_TYPES, PUBLIC, REST, ROOTS, field_document, root_field_document
from tests.support.isolation.resource_owner import unknown_ids
from tests.support.isolation.scenario import MINE, Call, Scenario, error_code_of, graphql_call, mask_ids, rest_call
from tests.support.service import SECRET
from tests.support.users import sign_token


def test_unmodified_tokens_are_accepted(scenario: Scenario) -> None:
    external_token = sign_token({"sub": scenario.victim.user.id, **EXTERNAL_ISSUER}, SECRET)
    local_token = sign_token(jwt.decode(scenario.victim.user.token, options={"verify_signature": False}), SECRET)

    for token in (external_token, local_token):
        assert scenario.send("GET", "/api/auth/me", token).json()["id"] == scenario.victim.user.id


def test_route_rejects_every_invalid_token(scenario: Scenario, route: str) -> None:
    check_invalid_tokens(scenario, rest_call(scenario, route, REST[route]), REST[route].scope)


def test_root_field_rejects_every_invalid_token(scenario: Scenario, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    check_invalid_tokens(scenario, graphql_call(scenario, root_field_document(kind, name, field_spec)), field_spec.scope)


def test_field_rejects_every_invalid_token(scenario: Scenario, type_field: tuple[str, str]) -> None:
    check_invalid_tokens(scenario, graphql_call(scenario, field_document(type_field)), OBJECT_TYPES[type_field[0]].scope)


def check_invalid_tokens(scenario: Scenario, call: Call, scope: str | None) -> None:
    unknown_row_ids = unknown_ids()
    for kind, token in scenario.invalid_tokens.items():
        foreign, unknown = call(token, {**scenario.victim.ids, **MINE}), call(token, {**unknown_row_ids, **MINE})
        assert mask_ids(foreign, scenario.victim.ids) == mask_ids(unknown, unknown_row_ids), kind
        if scope is PUBLIC:
            anonymous = call(None, {**unknown_row_ids, **MINE})
            assert mask_ids(foreign, scenario.victim.ids) == mask_ids(anonymous, unknown_row_ids), kind
        else:
            assert error_code_of(foreign) == "UNAUTHENTICATED", kind
            assert foreign.status_code == (401 if "graphql" not in str(foreign.url) else 200), kind


def test_token_with_the_session_of_another_user_is_rejected(each_scenario: Scenario) -> None:
    claims = jwt.decode(each_scenario.attacker.user.token, options={"verify_signature": False})

    for session, status in ((claims["sid"], 200), (each_scenario.victim.ids["session"], 401)):
        token = sign_token({**claims, "sid": session}, SECRET)
        assert each_scenario.send("GET", "/api/me/tasks", token).status_code == status
