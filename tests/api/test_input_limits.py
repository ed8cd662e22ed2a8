"""Limits on nesting, query parameters, statement time and WebSocket connections."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.app import create_app
from api.middleware.websocket_limit import WebSocketLimitMiddleware
from api.query_string import MAX_PARAMETERS
from api.server.process_limits import PROCESS_LIMITS, create_process_limits
from api.server.uvicorn_options import MAX_WEBSOCKET_MESSAGE_BYTES, uvicorn_options
from api.settings import Settings
from services.json_parsing import MAX_JSON_DEPTH
from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient
from tests.support.service import PostgresServer, run_service, settings_for
from tests.support.users import TestUser

JSON = {"Content-Type": "application/json"}
MAX_CONNECTIONS = 6


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + closing * levels


BODIES: dict[str, tuple[str, Callable[[str], dict[str, Any]], int]] = {
    "body": ("/api/me/tasks", lambda json_text: {"content": f'{{"title": {json_text}}}', "headers": JSON}, 1),
    "variables": (
        "/graphql",
        lambda json_text: {"content": f'{{"query": "{{ __typename }}", "variables": {{"x": {json_text}}}}}', "headers": JSON},
        2,
    ),
}
PARAMETERS: dict[str, tuple[str, Callable[[str], dict[str, str]]]] = {
    "filter": ("/api/me/tasks", lambda json_text: {"filter": json_text}),
    "variables in the query string": ("/graphql", lambda json_text: {"query": "{ __typename }", "variables": json_text}),
}


def error_message(response: Any) -> str:
    body = response.json()
    return str(body["detail"] if "detail" in body else body.get("errors", [{"message": ""}])[0]["message"])


@pytest.mark.parametrize(("path", "make_request", "outer_levels"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a": ', "}")], ids=["lists", "objects"])
def test_body_deeper_than_64_levels_is_rejected(
    rest_client: RestClient,
    path: str,
    make_request: Callable[[str], dict[str, Any]],
    outer_levels: int,
    brackets: tuple[str, str],
) -> None:
    opening, closing = brackets

    def send(levels: int) -> str:
        inner = levels - outer_levels
        return error_message(
            rest_client.http.post(path, **make_request(opening * inner + ("1" if closing == "}" else "") + closing * inner))
        )

    assert "nested deeper" not in send(MAX_JSON_DEPTH)
    for deeper in (MAX_JSON_DEPTH + 1, 5000):
        assert send(deeper) == f"The body is nested deeper than {MAX_JSON_DEPTH} levels."


@pytest.mark.parametrize(("path", "make_parameters"), PARAMETERS.values(), ids=PARAMETERS)
def test_query_parameters_deeper_than_64_levels_are_rejected(
    rest_client: RestClient, path: str, make_parameters: Callable[[str], dict[str, str]]
) -> None:
    def send(levels: int) -> str:
        return error_message(rest_client.http.get(path, params=make_parameters(nested(levels))))

    assert "nested deeper" not in send(MAX_JSON_DEPTH)
    for deeper in (MAX_JSON_DEPTH + 1, 3000):
        assert f"nested deeper than {MAX_JSON_DEPTH} levels" in send(deeper)


def test_brackets_inside_strings_do_not_count_as_nesting(client: ApiClient) -> None:
    text = "[{" * 100

    assert client.create("task", title=text[:200])["title"] == text[:200]


def test_wide_json_is_accepted(rest_client: RestClient) -> None:
    response = rest_client.http.post("/api/me/tasks", json={"title": "x", "tag_ids": [[] for _ in range(300)]})

    assert "nested deeper" not in error_message(response)


PATHS = {"rest": ("/api/me/tasks", {}), "graphql": ("/graphql", {"query": "{ __typename }"})}


@pytest.mark.parametrize(("path", "required"), PATHS.values(), ids=PATHS)
def test_query_parameter_count_is_limited(rest_client: RestClient, path: str, required: dict[str, str]) -> None:
    def send(count: int) -> str:
        return error_message_or_empty(
            rest_client.http.get(path, params=required | {f"p{number}": "" for number in range(count - len(required))})
        )

    assert "more than" not in send(MAX_PARAMETERS)
    assert send(MAX_PARAMETERS + 1) == f"More than {MAX_PARAMETERS} query parameters."


def error_message_or_empty(response: Any) -> str:
    return "" if response.is_success else error_message(response)


@pytest.mark.parametrize(("path", "required"), PATHS.values(), ids=PATHS)
def test_duplicate_query_parameter_is_rejected(rest_client: RestClient, path: str, required: dict[str, str]) -> None:
    response = rest_client.http.get(path, params=[*required.items(), ("a/b", "1"), ("a/b", "1")])

    problem = response.json()
    errors = problem["errors"] if path != "/graphql" else problem["errors"][0]["extensions"]["errors"]
    assert errors == [{"pointer": "/a~1b", "detail": "Parameter given more than once."}]


@pytest.mark.parametrize("kind", [RestClient, GraphQLClient], ids=["rest", "graphql"])
def test_statement_timeout_returns_503_and_keeps_the_connection(
    database: PostgresServer, kind: Callable[[str, str], ApiClient]
) -> None:
    """The pool holds one connection, so the next statement reuses the one that was interrupted."""
    with run_service(settings_for(database, statement_timeout_ms=200, database_pool_size=1), database) as service:
        user = TestUser.register(service.url)
        lock = psycopg2.connect(database.owner)
        with kind(service.url, user.token) as client, lock.cursor() as cursor:
            backend = only_backend(database)
            cursor.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
            for call in (lambda: client.page("task"), lambda: client.create("task", title="during the lock")):
                with pytest.raises(ApiError) as error:
                    call()
                assert (error.value.code, error.value.status) == ("UNAVAILABLE", 503)
            lock.rollback()

            client.create("task", title="after the lock")
            assert [task["title"] for task in client.page("task")] == ["after the lock"]
            assert only_backend(database) == backend
        lock.close()


def only_backend(database: PostgresServer) -> object:
    """Return the backend process of the service's only connection."""
    ((pid,),) = database.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'todo'"
    )
    return pid


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept WebSocket connections, and send back every message."""
    if scope["type"] == "lifespan":
        scope["state"][PROCESS_LIMITS] = create_process_limits(Settings.model_construct(max_connections=MAX_CONNECTIONS))
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@contextmanager
def run_echo_service(limit: int, per_address: int) -> Iterator[Callable[..., ClientConnection]]:
    """Run the app behind the WebSocket limit with the service's options; return a function that connects from an address."""
    app = WebSocketLimitMiddleware(echo, limit, per_address)
    server = uvicorn.Server(uvicorn.Config(app, port=0, **uvicorn_options(Settings.model_construct())))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with ExitStack() as opened:

        def connect_from(address: str) -> ClientConnection:
            headers = {"X-Forwarded-For": address}
            return opened.enter_context(connect(f"ws://127.0.0.1:{port}", additional_headers=headers, proxy=None))

        try:
            yield connect_from
        finally:
            opened.close()
            server.should_exit = True
            thread.join()


def rejected_body(connect: Callable[[], object]) -> str:
    with pytest.raises(InvalidStatus) as error:
        connect()
    response = error.value.response
    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert response.headers["Retry-After"] == "30"
    return bytes(response.body or b"").decode()


def test_websocket_limit_per_address() -> None:
    with run_echo_service(limit=10, per_address=2) as connect_from:
        first = connect_from("2001:db8::1")
        connect_from("2001:db8::2")
        assert '"TOO_MANY_SOCKETS"' in rejected_body(lambda: connect_from("2001:db8::3"))
        connect_from("192.0.2.1").send("x")

        first.close()
        second = connect_from("2001:db8::3")
        second.send("hello")
        assert second.recv(timeout=10) == "hello"


def test_websocket_limit_global() -> None:
    with run_echo_service(limit=3, per_address=2) as connect_from:
        sockets = [connect_from(f"192.0.2.{number}") for number in range(3)]
        assert '"TOO_MANY_SOCKETS"' in rejected_body(lambda: connect_from("192.0.2.9"))

        sockets[0].close()
        assert connect_from("192.0.2.9").ping().wait(10)


def test_open_websockets_are_counted_as_connections() -> None:
    with run_echo_service(limit=2 * MAX_CONNECTIONS, per_address=2 * MAX_CONNECTIONS) as connect_from:
        sockets = [connect_from("192.0.2.1") for _ in range(MAX_CONNECTIONS)]
        with pytest.raises((InvalidMessage, ConnectionError, ConnectionClosedError)):  # whichever notices the reset first
            connect_from("192.0.2.1")

        sockets[0].close()
        time.sleep(0.5)  # the service has closed the connection by then
        assert connect_from("192.0.2.1").ping().wait(10)


def test_websocket_message_size_is_limited() -> None:
    with run_echo_service(limit=3, per_address=2) as connect_from:
        socket = connect_from("192.0.2.1")
        socket.send("x" * MAX_WEBSOCKET_MESSAGE_BYTES)
        assert len(socket.recv(timeout=10)) == MAX_WEBSOCKET_MESSAGE_BYTES
        socket.send("x" * (MAX_WEBSOCKET_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosedError) as error:
            socket.recv(timeout=10)

    assert error.value.rcvd
    assert error.value.rcvd.code == 1009


def test_websocket_limit_middleware_is_installed() -> None:
    app = create_app(Settings.model_construct(max_websockets=7))

    assert "Middleware(WebSocketLimitMiddleware, max_open=7)" in map(repr, app.user_middleware)
