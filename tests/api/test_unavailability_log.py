"""Log of the causes of status 503: one line per kind and minute, in both APIs."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg2
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.auth.jwks.cache import JwksUnavailableError
from services.errors import NotFound, TodoError, Unavailable
from services.logs import unavailability
from services.logs.throttle import INTERVAL, LogThrottle
from services.logs.unavailability import log_unavailability
from tests.support.api_clients import TLS, ApiClient, ApiError, GraphQLClient, RestClient
from tests.support.jwks_server import AUDIENCE, ISSUER, SigningKey, run_jwks_server, send_response
from tests.support.service import LogCapture, PostgresServer, run_service, run_sql, settings_for
from tests.support.users import TestUser

APIS = pytest.mark.parametrize("api", [RestClient, GraphQLClient], ids=["rest", "graphql"])
ClientType = Callable[[str, str | None], ApiClient]
FULL_DISK = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full USING DETAIL = NEW.title; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON task FOR EACH ROW EXECUTE FUNCTION fail()
"""


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a log in which nothing was logged yet."""
    clock = Clock()
    monkeypatch.setattr(unavailability, "throttle", LogThrottle(clock))
    return clock


def causes(log: LogCapture) -> list[dict[str, Any]]:
    """Return the lines about causes of 503."""
    return [line for line in log.lines(requests=0) if line["logger"] in {"todo.unavailable", "todo.readiness"}]


def expect_unavailable(request: Callable[[], object]) -> None:
    with pytest.raises(ApiError) as error:
        request()
    assert (error.value.code, error.value.status) == ("UNAVAILABLE", 503)


@APIS
def test_cause_of_503_is_logged_once_per_minute(database: PostgresServer, log: LogCapture, clock: Clock, api: ClientType) -> None:
    run_sql(database.owner, FULL_DISK)
    with run_service(settings_for(database), database) as service, ExitStack() as stack:
        client = stack.enter_context(api(service.url, TestUser.register(service.url).token))
        for _ in range(3):
            expect_unavailable(lambda: client.create("task", title="private title"))
        (first,) = causes(log)
        clock.now += INTERVAL
        expect_unavailable(lambda: client.create("task", title="private title"))

    assert (first["level"], first["message"]) == ("warning", "request not served: 53100: disk_full")
    assert "suppressed" not in first
    assert first["request_id"]
    assert causes(log)[1:] == [{**causes(log)[1], "message": first["message"], "suppressed": 2}]
    assert "private" not in "".join(log.captured)


@APIS
@pytest.mark.usefixtures("clock")
def test_kinds_of_causes_are_logged_separately(database: PostgresServer, log: LogCapture, api: ClientType) -> None:
    run_sql(database.owner, FULL_DISK)
    with run_service(settings_for(database, statement_timeout_ms=200, database_pool_size=1), database) as service:
        lock = psycopg2.connect(database.owner)
        with api(service.url, TestUser.register(service.url).token) as client, lock.cursor() as cursor:
            expect_unavailable(lambda: client.create("task", title="x"))
            cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
            expect_unavailable(lambda: client.page("task"))
            lock.rollback()
        lock.close()
        run_sql(database.owner, "ALTER POLICY owner_only ON task USING (true)")
        for _ in range(2):
            assert httpx.get(f"{service.url}/ready", verify=TLS).status_code == 503

    messages = [(line["logger"], line["message"].partition(": the policy")[0]) for line in causes(log)]
    assert messages == [
        ("todo.unavailable", "request not served: 53100: disk_full"),
        ("todo.unavailable", "request not served: 57014: canceling statement due to statement timeout"),
        ("todo.readiness", "readiness check failed: row-level security would not hold"),
    ]


@APIS
@pytest.mark.usefixtures("clock")
def test_unavailable_keys_of_the_issuer_are_logged(database: PostgresServer, log: LogCapture, api: ClientType) -> None:
    key = SigningKey.make()
    with run_jwks_server(key) as endpoint:
        endpoint.respond = lambda handler: send_response(handler, b"", 500)
        settings = settings_for(database, jwks_url=endpoint.url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
        with run_service(settings, database) as service, api(service.url, key.sign("ada")) as client:
            for _ in range(2):
                expect_unavailable(client.me)
    (line,) = causes(log)
    assert line["message"].startswith("request not served: The issuer's signing keys are temporarily unavailable")


def caused(error: TodoError, cause: Exception | None) -> TodoError:
    error.__cause__ = cause
    return error


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unavailable("Too many concurrent logins."), "Too many concurrent logins."),
        (JwksUnavailableError(), "The issuer's signing keys"),
        (caused(Unavailable("The database …"), PoolTimeoutError("QueuePool limit")), "(TimeoutError: QueuePool limit)"),
        (NotFound("Task not found."), None),
    ],
)
def test_only_errors_with_status_503_are_logged(log: LogCapture, error: TodoError, message: str | None) -> None:
    for _ in range(2):
        log_unavailability(error)

    assert [message in line["message"] for line in causes(log) if message] == ([True] if message else [])


def test_number_of_kinds_is_bounded(clock: Clock) -> None:
    throttle = LogThrottle(clock)
    for number in range(1000):
        assert throttle.permit(str(number)) == 0
    assert len(throttle._kinds) <= 100
