"""Fixtures for isolation tests: worlds, and every route and field as a parameter."""

from collections.abc import Iterator

import pytest

from tests.support.isolation_world import World, run_world
from tests.support.permission_matrix import FIELDS, REST, ROOT_FIELDS
from tests.support.service import PostgresServer


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    with run_world(postgres, row_level_security=True) as world:
        yield world


@pytest.fixture(scope="module")
def world_without_row_level_security(postgres: PostgresServer) -> Iterator[World]:
    with run_world(postgres, row_level_security=False) as world:
        yield world


@pytest.fixture(scope="module", params=["world", "world_without_row_level_security"])
def each_world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


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
