"""The issuer's keys: how they are fetched, kept and let go of, from an endpoint that fails in many ways."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from uuid import uuid4

import pytest

from services.errors import Unauthenticated, Unavailable
from services.keys.bell import MAX_WAITING, Bell
from services.keys.key_set import KeysAwayError, KeySet, Pace, UnknownKeyError
from tests.issuer import Endpoint, SigningKey, send, serving_keys
from tests.support.service import LogCapture as LogLines

QUICK = Pace(every=0.05, again=0.02, patience=0.3)
CALM = Pace(every=3600, again=3600, patience=2)
ED, EC, RSA = (SigningKey.make(kind) for kind in ("EdDSA", "ES256", "RS256"))


@contextmanager
def running(endpoint: Endpoint, pace: Pace = QUICK) -> Iterator[KeySet]:
    keys = KeySet(endpoint.url, pace)
    with keys.running():
        yield keys


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Serve one Ed25519 key."""
    with serving_keys(ED) as serving:
        yield serving


def finds(keys: KeySet, key: SigningKey) -> bool | type[Exception]:
    try:
        return keys.find(key.kid).name == key.kid
    except (UnknownKeyError, KeysAwayError) as error:
        return type(error)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_keys_are_fetched_without_being_asked_for(endpoint: Endpoint) -> None:
    with running(endpoint, CALM) as keys:
        eventually(lambda: finds(keys, ED) is True)

    assert endpoint.fetches == 1


def answer_when(go: threading.Event, endpoint: Endpoint) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        go.wait(10)
        send(handler, endpoint.document())

    return answer


def test_a_first_request_waits_for_the_first_fetch(endpoint: Endpoint) -> None:
    go = threading.Event()
    endpoint.answer = answer_when(go, endpoint)

    async def ask(keys: KeySet) -> None:
        waiting = asyncio.create_task(keys.catch_up())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        go.set()
        await waiting

    with running(endpoint, CALM) as keys:
        assert finds(keys, ED) is KeysAwayError
        asyncio.run(ask(keys))
        assert finds(keys, ED) is True


def test_a_rotation_is_followed_and_a_removed_key_let_go(endpoint: Endpoint) -> None:
    with running(endpoint) as keys:
        eventually(lambda: finds(keys, ED) is True)
        assert finds(keys, EC) is UnknownKeyError
        endpoint.keys = [ED, EC]
        eventually(lambda: finds(keys, EC) is True)
        assert finds(keys, ED) is True
        endpoint.keys = [EC]
        eventually(lambda: finds(keys, ED) is UnknownKeyError)
        assert finds(keys, EC) is True


def test_an_unknown_key_asks_for_a_fetch_and_waits_for_it(endpoint: Endpoint) -> None:
    with running(endpoint, CALM) as keys:
        eventually(lambda: finds(keys, ED) is True)
        endpoint.keys = [EC]
        asyncio.run(keys.catch_up())
        assert (finds(keys, EC), finds(keys, ED)) == (True, UnknownKeyError)
        endpoint.keys = [RSA]
        asyncio.run(keys.catch_up())
        assert finds(keys, RSA) is UnknownKeyError

    assert endpoint.fetches == 2


def test_unknown_keys_without_number_cost_one_fetch(endpoint: Endpoint) -> None:
    """Thousands ask at once, then thousands one after another."""
    go = threading.Event()

    async def ask(keys: KeySet) -> list[object]:
        crowd = asyncio.gather(*[keys.catch_up() for _ in range(5000)], return_exceptions=True)
        await asyncio.sleep(0.01)
        assert len(keys._bell._waiting) == MAX_WAITING
        go.set()
        together = await crowd
        for _ in range(2000):
            await keys.catch_up()
        return [answer for answer in together if answer is not None]

    with running(endpoint, CALM) as keys:
        eventually(lambda: finds(keys, ED) is True)
        endpoint.answer = answer_when(go, endpoint)
        threads = threading.active_count()
        turned_away = asyncio.run(ask(keys))
        assert threading.active_count() <= threads + 1  # the endpoint's own
        assert not keys._bell._waiting

    assert endpoint.fetches == 2
    assert len(turned_away) == 5000 - MAX_WAITING
    assert {type(error) for error in turned_away} == {KeysAwayError}


def test_those_who_give_up_waiting_leave_nothing_behind() -> None:
    bell = Bell(0)
    rung: list[None] = []
    bell.hang(lambda: rung.append(None))

    async def give_up() -> None:
        waiting = [asyncio.create_task(bell.ring(60)) for _ in range(100)]
        await asyncio.sleep(0)
        assert len(bell._waiting) == 100
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(give_up())

    assert not bell._waiting
    assert rung == []  # the first fetch is on its way, unasked


def hang(_: BaseHTTPRequestHandler, endpoint: Endpoint) -> None:
    endpoint.released.wait(10)


def speak_otherwise(handler: BaseHTTPRequestHandler, _: Endpoint) -> None:
    handler.wfile.write(b"SSH-2.0\r\n\r\n")


def drip(handler: BaseHTTPRequestHandler, endpoint: Endpoint) -> None:
    """Send headers without end, a byte at a time: no single read takes long."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not endpoint.released.wait(0.02):
            handler.wfile.write(b"x")
    except OSError:
        pass


def pour(handler: BaseHTTPRequestHandler, endpoint: Endpoint) -> None:
    """Send a document without end, with a good beginning."""
    try:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + endpoint.document())
        while not endpoint.released.is_set():
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


FAILURES: dict[str, tuple[Callable[[BaseHTTPRequestHandler, Endpoint], None], str]] = {
    "hanging": (hang, "no whole answer within 0.3 s"),
    "dripping": (drip, "no whole answer within 0.3 s"),
    "pouring": (pour, "larger than 262144 bytes"),
    "500": (lambda handler, endpoint: send(handler, endpoint.document(), 500), "its status is 500"),
    "garbage": (lambda handler, _: send(handler, b"<html>"), "it is not JSON"),
    "no HTTP": (speak_otherwise, "RemoteProtocolError"),
    "closing": (lambda *_: None, "RemoteProtocolError"),
    "redirect": (lambda handler, endpoint: send(handler, b"", 302, Location=endpoint.url + "/elsewhere"), "its status is 302"),
    "compressed": (lambda handler, endpoint: send(handler, endpoint.document(), Content_Encoding="gzip"), "it is compressed"),
    "no usable key": (lambda handler, _: send(handler, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'), "it lists no usable key"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_known_keys_go_on_working_while_the_endpoint_fails(endpoint: Endpoint, log: LogLines, kind: str) -> None:
    fail, reason = FAILURES[kind]
    with running(endpoint) as keys:
        eventually(lambda: finds(keys, ED) is True)
        endpoint.answer = lambda handler: fail(handler, endpoint)
        eventually(lambda: finds(keys, EC) is KeysAwayError)
        assert finds(keys, ED) is True
        endpoint.keys, endpoint.answer = [ED, EC], None
        endpoint.released.set()
        eventually(lambda: finds(keys, EC) is True)

    warned = [line for line in log.heard if '"warning"' in line]
    assert all(reason in line and "those at hand are used" in line for line in warned), warned
    assert "were fetched: 2, after" in log.heard[-1]


def test_known_keys_go_on_working_while_nobody_listens(log: LogLines) -> None:
    with serving_keys(ED) as endpoint:
        stack = ExitStack()
        keys = stack.enter_context(running(endpoint))
        eventually(lambda: finds(keys, ED) is True)
    with stack:
        eventually(lambda: finds(keys, EC) is KeysAwayError)
        assert finds(keys, ED) is True

    assert "ConnectError" in log.heard[-1]


@pytest.mark.parametrize("kind", FAILURES)
def test_without_a_first_fetch_it_cannot_be_told(endpoint: Endpoint, kind: str) -> None:
    endpoint.answer = lambda handler: FAILURES[kind][0](handler, endpoint)
    with running(endpoint) as keys:
        eventually(lambda: endpoint.fetches > 1)
        for name in (ED.kid, None, uuid4().hex):
            with pytest.raises(Unavailable):
                keys.find(name)
        endpoint.answer = None
        endpoint.released.set()
        eventually(lambda: finds(keys, ED) is True)


def test_keys_are_not_trusted_for_ever(endpoint: Endpoint) -> None:
    pace = Pace(every=0.05, again=0.02, patience=0.3, keep=0.5)
    with running(endpoint, pace) as keys:
        eventually(lambda: finds(keys, ED) is True)
        endpoint.answer = lambda handler: send(handler, b"", 500)
        eventually(lambda: finds(keys, ED) is KeysAwayError)
        endpoint.answer = None
        eventually(lambda: finds(keys, ED) is True)


def test_stopping_does_not_wait_for_a_hanging_endpoint(endpoint: Endpoint) -> None:
    """And lets go of those who wait."""
    endpoint.answer = lambda handler: hang(handler, endpoint)
    keys = KeySet(endpoint.url, Pace(patience=3600))

    async def wait() -> None:
        with keys.running():
            eventually(lambda: endpoint.fetches == 1)
            waiting = asyncio.create_task(keys.catch_up())
            await asyncio.sleep(0.01)
        await waiting
        await keys.catch_up()

    asyncio.run(wait())

    assert not [thread for thread in threading.enumerate() if thread.name == "issuer-keys"]


def test_a_token_without_a_name_is_refused_at_once_among_several_keys(endpoint: Endpoint) -> None:
    endpoint.keys = [ED, EC]
    with running(endpoint, CALM) as keys:
        eventually(lambda: finds(keys, ED) is True)
        with pytest.raises(Unauthenticated, match="kid") as refused:
            keys.find(None)
        assert type(refused.value) is Unauthenticated
