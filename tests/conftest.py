"""Fixtures that all tests share: PostgreSQL, a database, the running service, users and API clients."""

import logging
from collections.abc import Callable, Iterator

import pytest

from tests.support.api_clients import Door, GraphQLDoor, RestDoor
from tests.support.service import Cluster, LogLines, Service, running_cluster, serving, settings_for
from tests.support.users import Person


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The PostgreSQL that most tests share: its roles are everybody's, so nobody changes those here."""
    with running_cluster(tmp_path_factory.mktemp("pg")) as running:
        yield running


@pytest.fixture
def database(cluster: Cluster) -> Cluster:
    """A migrated database of the test's own, to look into or to damage."""
    return cluster.copy("template_todo")


@pytest.fixture(scope="session")
def service(cluster: Cluster) -> Iterator[Service]:
    """The service that most tests share; each test brings its own users."""
    database = cluster.copy("template_todo")
    with serving(settings_for(database), database) as running:
        yield running


@pytest.fixture
def person(service: Service) -> Callable[[], Person]:
    """Register people."""
    return lambda: Person.register(service.url)


@pytest.fixture
def ada(person: Callable[[], Person]) -> Person:
    """Someone with an account."""
    return person()


@pytest.fixture
def eve(person: Callable[[], Person]) -> Person:
    """Someone else with an account."""
    return person()


@pytest.fixture
def rest(service: Service, ada: Person) -> Iterator[RestDoor]:
    """Ada at the REST door."""
    with RestDoor(service.url, ada.token) as door:
        yield door


@pytest.fixture
def graph(service: Service, ada: Person) -> Iterator[GraphQLDoor]:
    """Ada at the GraphQL door."""
    with GraphQLDoor(service.url, ada.token) as door:
        yield door


@pytest.fixture(params=[RestDoor, GraphQLDoor], ids=["rest", "graphql"])
def doors(request: pytest.FixtureRequest, service: Service) -> Iterator[Callable[[str | None], Door]]:
    """Open the same kind of door for several callers."""
    opened: list[Door] = []

    def open_door(token: str | None) -> Door:
        door: Door = request.param(service.url, token)
        opened.append(door)
        return door

    yield open_door
    for door in opened:
        door.close()


@pytest.fixture
def door(doors: Callable[[str | None], Door], ada: Person) -> Door:
    """Ada at one door, then at the other: the test runs through both."""
    return doors(ada.token)


@pytest.fixture
def log() -> Iterator[LogLines]:
    """Hear the service log."""
    handler, root = LogLines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)
