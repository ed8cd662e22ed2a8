"""Responses to another user's ids equal those to unknown ids, byte for byte.

Each test runs with row-level security on and off, so that the service isolates users without it.
"""

from tests.support.isolation.permission_matrix import REST, ROOTS, field_document, root_field_document
from tests.support.isolation.resource_owner import KINDS, unknown_ids
from tests.support.isolation.scenario import MINE, Call, Scenario, graphql_call, mask_ids, register_disposable_user, rest_call


def test_route_response_is_identical_for_foreign_and_unknown_ids(each_scenario: Scenario, route: str) -> None:
    spec = REST[route]
    check_foreign_ids(each_scenario, rest_call(each_scenario, route, spec), f"{route} {spec}")


def test_route_with_another_user_id_in_the_path_returns_403(each_scenario: Scenario, route: str) -> None:
    spec = REST[route]
    if "{user}" not in route:
        return
    call, ids = rest_call(each_scenario, route, spec), unknown_ids()
    foreign = call(each_scenario.attacker.user.token, each_scenario.victim.ids)

    assert foreign.status_code == 403
    assert mask_ids(foreign, each_scenario.victim.ids) == mask_ids(call(each_scenario.attacker.user.token, ids), ids)


def test_root_field_response_is_identical_for_foreign_and_unknown_ids(
    each_scenario: Scenario, root_field: tuple[str, str]
) -> None:
    kind, name = root_field
    document = root_field_document(kind, name, ROOTS[kind][name])
    check_foreign_ids(each_scenario, graphql_call(each_scenario, document), document)


def test_field_response_is_identical_for_foreign_and_unknown_ids(each_scenario: Scenario, type_field: tuple[str, str]) -> None:
    document = field_document(type_field)
    check_foreign_ids(each_scenario, graphql_call(each_scenario, document), document)


def check_foreign_ids(scenario: Scenario, call: Call, request: str) -> None:
    unknown_row_ids = unknown_ids()
    # A request without ids is about the caller, whose account it may delete.
    names_rows = any(f"{{{kind}}}" in request for kind in KINDS if kind != "user")
    token = (scenario.attacker.user if names_rows else register_disposable_user(scenario)).token

    foreign = call(token, {**scenario.victim.ids, **MINE})
    if names_rows:
        unknown = call(token, {**unknown_row_ids, **MINE})
        assert mask_ids(foreign, scenario.victim.ids) == mask_ids(unknown, unknown_row_ids)
    masked = mask_ids(foreign, scenario.victim.ids)[1] if names_rows else foreign.text
    assert not [value for value in scenario.victim.private_values if value in masked]
    assert foreign.status_code != 500
