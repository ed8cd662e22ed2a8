"""Fixtures that all tests share: PostgreSQL, a database, the running service, users and API clients."""

import logging
from collections.abc import Callable, Iterator

import pytest

from tests.support.api_clients import ApiClient, ClientFactory, GraphQLClient, RestClient
from tests.support.service import LogCapture, PostgresServer, RunningService, run_postgres_server, run_service, settings_for
from tests.support.users import TestUser


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The PostgreSQL server that most tests share. Roles belong to the whole server: do not change them here."""
    with run_postgres_server(tmp_path_factory.mktemp("pg")) as running:
        yield running


@pytest.fixture
def database(postgres: PostgresServer) -> PostgresServer:
    """A migrated database that only this test uses."""
    return postgres.copy("template_todo")


@pytest.fixture(scope="session")
def service(postgres: PostgresServer) -> Iterator[RunningService]:
    """The service that most tests share; each test registers its own users."""
    database = postgres.copy("template_todo")
    with run_service(settings_for(database), database) as running:
        yield running


@pytest.fixture
def register_user(service: RunningService) -> Callable[[], TestUser]:
    """A function that registers a new user."""
    return lambda: TestUser.register(service.url)


@pytest.fixture
def user(register_user: Callable[[], TestUser]) -> TestUser:
    """A registered user."""
    return register_user()


@pytest.fixture
def other_user(register_user: Callable[[], TestUser]) -> TestUser:
    """Another registered user."""
    return register_user()


@pytest.fixture
def rest_client(service: RunningService, user: TestUser) -> Iterator[RestClient]:
    """A REST client of `user`."""
    with RestClient(service.url, user.token) as client:
        yield client


@pytest.fixture
def graphql_client(service: RunningService, user: TestUser) -> Iterator[GraphQLClient]:
    """A GraphQL client of `user`."""
    with GraphQLClient(service.url, user.token) as client:
        yield client


@pytest.fixture(params=[RestClient, GraphQLClient], ids=["rest", "graphql"])
def make_client(request: pytest.FixtureRequest, service: RunningService) -> Iterator[ClientFactory]:
    """A function that creates a client for a token; the test runs once with REST clients, once with GraphQL clients."""
    opened: list[ApiClient] = []

    def create_client(token: str | None) -> ApiClient:
        client: ApiClient = request.param(service.url, token)
        opened.append(client)
        return client

    yield create_client
    for client in opened:
        client.close()


@pytest.fixture
def client(make_client: ClientFactory, user: TestUser) -> ApiClient:
    """A client of `user`; the test runs once over REST, once over GraphQL."""
    return make_client(user.token)


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """The log lines of the service."""
    handler, root = LogCapture(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)
