"""Logging: one line per request, without private values."""

import io
import logging
import sys

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError

from api.logging import TextFormatter, configure_logging
from api.settings import LogFormat, Settings
from models.database import make_engine
from services.lists import ListService
from tests.support.api_clients import GraphQLClient, RestClient
from tests.support.service import LogCapture, RunningService
from tests.support.users import PASSWORD, TestUser


def test_rest_request_is_logged_in_one_line(rest_client: RestClient, user: TestUser, log: LogCapture) -> None:
    log.captured.clear()
    rest_client.http.get("/api/me/tasks?search=private", headers={"X-Request-Id": "r-1"})

    (line,) = log.lines(requests=1)
    assert (line["request_id"], line["user_id"], line["level"]) == ("r-1", user.id, "info")
    assert (line["method"], line["route"], line["status"], line["sql_statements"]) == ("GET", "/api/{user_id}/tasks", 200, 1)
    assert line["duration_ms"] > 0


def test_graphql_request_log_line_has_the_operation_name(graphql_client: GraphQLClient, user: TestUser, log: LogCapture) -> None:
    log.captured.clear()
    graphql_client.post({"query": "query Mine { tasks { totalCount } }", "operationName": "Mine"})

    (line,) = log.lines(requests=1)
    assert (line["route"], line["graphql_operation"], line["user_id"], line["sql_statements"]) == ("/graphql", "Mine", user.id, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_long_operation_name_is_truncated_in_the_log(graphql_client: GraphQLClient, log: LogCapture, method: str) -> None:
    log.captured.clear()
    # The request line of a GET is limited to 32 KiB.
    name = "e" * (20_000 if method == "GET" else 900_000)
    request = {"query": "query Mine { tasks { totalCount } }", "operationName": name}
    response = graphql_client.http.request(method, "/graphql", **{"params" if method == "GET" else "json": request})  # type: ignore[arg-type]

    (line,) = log.lines(requests=1)
    assert line["graphql_operation"] == name[:200]
    assert max(map(len, log.captured)) < 1000
    assert "Unknown operation" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["two words", "é", '"}\n{"level": "error', "1st", "-"])
def test_operation_name_that_is_no_name_is_not_logged(graphql_client: GraphQLClient, log: LogCapture, name: str) -> None:
    log.captured.clear()
    graphql_client.post({"query": "query Mine { tasks { totalCount } }", "operationName": name})

    assert log.lines(requests=1)[0].get("graphql_operation") is None


def test_private_values_are_not_logged(service: RunningService, log: LogCapture) -> None:
    email = "private-address@example.com"
    user = TestUser.register(service.url, email=email)
    with RestClient(service.url, user.token) as rest_client, GraphQLClient(service.url, user.token) as graphql_client:
        rest_client.http.post("/api/auth/login", data={"username": email, "password": PASSWORD})
        rest_client.http.post("/api/auth/login", data={"username": email, "password": "private-wrong"})
        rest_client.http.post("/api/me/tasks", json={"title": "private-title", "unknown": "private-member"})
        rest_client.http.post("/api/me/tasks", json={"title": "private-title"})
        rest_client.http.get("/api/me/tasks?search=private-search&token=private-token")
        graphql_client.post({"query": 'mutation { createTask(input: {title: "private-title"}) { task { id } } }'})
        graphql_client.post({"query": '{ tasks(search: "private-search", first: 9999) { nodes { id } } }'})

    log.lines(requests=8)
    for secret in ("private", PASSWORD, user.token, email):
        assert secret not in " ".join(log.captured)


def test_unexpected_exception_is_hidden_from_clients_and_logged(
    rest_client: RestClient, graphql_client: GraphQLClient, log: LogCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the boiler burst")

    monkeypatch.setattr(ListService, "create", crash)
    response = rest_client.http.post(
        "/api/me/lists", json={"name": "x"}, headers={"Origin": "http://localhost:3000", "X-Request-Id": "r-2"}
    )
    body = graphql_client.post(
        {"query": 'mutation { createList(input: {name: "x"}) { list { id } } }'}, headers={"X-Request-Id": "r-3"}
    )

    assert (response.status_code, response.json()["error_code"]) == (500, "INTERNAL")
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "boiler" not in response.text + str(body)
    error_lines = [line for line in log.lines(requests=2) if "traceback" in line]
    assert [line["request_id"] for line in error_lines] == ["r-2", "r-3"]
    assert all("the boiler burst" in line["traceback"] for line in error_lines)


def test_driver_messages_are_redacted(service: RunningService, log: LogCapture) -> None:
    """Messages of the database driver quote values; the error class and its SQLSTATE identify the error."""
    private = f"private-{service.url[-4:]}"
    engine = make_engine(service.database.service, pool_size=1)
    with engine.connect() as connection:
        try:
            connection.execute(text("SELECT CAST(:value AS integer)"), {"value": private})
        except DataError:
            logging.getLogger("todo.http.error").exception("unhandled exception")
    engine.dispose()

    assert private not in log.captured[-1]
    assert "InvalidTextRepresentation: 22P02" in log.captured[-1]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json", "has_colors"),
    [
        (LogFormat.AUTO, Terminal(), False, True),
        (LogFormat.AUTO, io.StringIO(), True, False),
        (LogFormat.TEXT, io.StringIO(), False, False),
        (LogFormat.TEXT, Terminal(), False, True),
        (LogFormat.JSON, Terminal(), True, False),
    ],
)
def test_log_format_depends_on_setting_and_terminal(
    monkeypatch: pytest.MonkeyPatch, log_format: LogFormat, stream: io.StringIO, *, is_json: bool, has_colors: bool
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    configure_logging(Settings.model_construct(log_format=log_format))
    logging.getLogger("todo.settings").warning("a warning", extra={"status": 200})

    line = stream.getvalue()
    assert line.startswith("{") is is_json
    assert ("\x1b[33mWARNING" in line) is has_colors
    assert "a warning" in line
    if is_json:
        assert orjson.loads(line)["status"] == 200
    else:
        assert "status=200" in line


def test_text_log_line_is_readable_and_escapes_control_characters() -> None:
    record = logging.makeLogRecord(
        {
            "name": "todo.x",
            "levelname": "INFO",
            "msg": "request\x1b[2J\ncompleted",
            "route": "/a b",
            "method": "GET",
            "empty": None,
        }
    )
    line = TextFormatter(with_colors=False).format(record)

    assert line.partition(" ")[2] == 'INFO     todo.x request\\x1b[2J\\ncompleted route="/a b" method=GET'


def test_text_log_line_is_followed_by_the_traceback() -> None:
    error = RuntimeError("the boiler burst\x1b[2J")
    record = logging.makeLogRecord({"name": "x", "msg": "failed", "exc_info": (RuntimeError, error, None)})
    lines = TextFormatter(with_colors=False).format(record).splitlines()

    assert lines[0].endswith("failed")
    assert lines[-1] == "RuntimeError: the boiler burst\\x1b[2J"
