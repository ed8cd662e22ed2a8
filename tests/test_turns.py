"""Nobody keeps the connections from everybody else, however much they want at once."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import psycopg2
import pytest

from tests.support.api_clients import ApiClient as Door
from tests.support.api_clients import GraphQLClient as GraphQLDoor
from tests.support.api_clients import RestClient as RestDoor
from tests.support.service import PostgresServer as Cluster
from tests.support.service import RunningService as Service
from tests.support.service import run_service as serving
from tests.support.service import run_sql, settings_for
from tests.support.users import TestUser as Person

POOL = 4
WRITES = 12
WAITING = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'todo_service' AND wait_event_type = 'Lock'"""


@pytest.fixture
def service(database: Cluster) -> Iterator[Service]:
    """A service with few connections."""
    with serving(settings_for(database, database_pool_size=POOL), database) as running:
        yield running


@contextmanager
def held_up(service: Service, person: Person) -> Iterator[None]:
    """Let no write of the person's come to its end."""
    with closing(psycopg2.connect(service.database.owner)) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM user_revision WHERE user_id = %s FOR UPDATE", (person.id,))
        yield


@pytest.mark.parametrize("kind", [RestDoor, GraphQLDoor])
def test_whose_writes_wait_for_each_other_leaves_connections_to_others(
    service: Service, ada: Person, eve: Person, kind: Callable[[str, str | None], Door]
) -> None:
    with ThreadPoolExecutor(WRITES) as crowd, ExitStack() as stack:
        doors = [stack.enter_context(kind(service.url, ada.token)) for _ in range(WRITES)]
        with held_up(service, ada):
            writes = [crowd.submit(door.create, "task", title=str(number)) for number, door in enumerate(doors)]
            while run_sql(service.database.owner, WAITING) < [(POOL // 2,)]:
                time.sleep(0.01)

            for theirs in (RestDoor, GraphQLDoor):
                with theirs(service.url, eve.token) as door:
                    assert door.create("task", title="Meanwhile")["title"] == "Meanwhile"
                    assert len(door.page("task")) > 0
            assert run_sql(service.database.owner, WAITING) == [(POOL // 2,)]
        made = [write.result() for write in writes]

    assert len({task["revision"] for task in made}) == WRITES
