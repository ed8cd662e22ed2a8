"""Fixtures of the isolation tests: scenarios, and every route and field as a parameter."""

from collections.abc import Iterator

import pytest

from tests.support.isolation.permission_matrix import FIELDS, REST, ROOT_FIELDS
from tests.support.isolation.scenario import Scenario, run_scenario
from tests.support.service import PostgresServer


@pytest.fixture(scope="module")
def scenario(postgres: PostgresServer) -> Iterator[Scenario]:
    with run_scenario(postgres, row_level_security=True) as scenario:
        yield scenario


@pytest.fixture(scope="module")
def scenario_without_row_level_security(postgres: PostgresServer) -> Iterator[Scenario]:
    with run_scenario(postgres, row_level_security=False) as scenario:
        yield scenario


@pytest.fixture(scope="module", params=["scenario", "scenario_without_row_level_security"])
def each_scenario(request: pytest.FixtureRequest) -> Scenario:
    scenario: Scenario = request.getfixturevalue(request.param)
    return scenario


@pytest.fixture(params=REST)
def route(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=ROOT_FIELDS, ids=".".join)
def root_field(request: pytest.FixtureRequest) -> tuple[str, str]:
    kind, name = request.param
    return kind, name


@pytest.fixture(params=FIELDS, ids=".".join)
def type_field(request: pytest.FixtureRequest) -> tuple[str, str]:
    type_name, name = request.param
    return type_name, name
