"""Password rules, hashing and the limit on concurrent hashing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import pytest
from passlib.context import CryptContext

from services.auth.password_hashing import MAX_QUEUED, PasswordHasher
from services.errors import Unavailable
from tests.support.api_clients import ApiError, ClientFactory, GraphQLClient, RestClient
from tests.support.service import PostgresServer, RunningService, run_service, run_sql, settings_for
from tests.support.users import PASSWORD, TestUser

LIGATURE = "\ufdfa"  # one character, 18 after NFKC normalization
ACCENT = "e\u0301"  # two characters, one after NFKC normalization


@pytest.mark.parametrize("password", ["x" * 8, "x" * 256, " " * 8, ACCENT * 8, ACCENT * 256, LIGATURE * 14, "🔑" * 256])
def test_password_of_8_to_256_characters_is_accepted(make_client: ClientFactory, user: TestUser, password: str) -> None:
    make_client(user.token).change_me(password=password, current_password=PASSWORD)

    assert make_client(None).log_in(user.email, password)["user"]["id"] == user.id


@pytest.mark.parametrize("password", ["x" * 7, "x" * 257, ACCENT * 4, ACCENT * 257, LIGATURE * 15])
def test_password_of_invalid_normalized_length_is_rejected(make_client: ClientFactory, user: TestUser, password: str) -> None:
    with pytest.raises(ApiError) as rejected:
        make_client(user.token).change_me(password=password, current_password=PASSWORD)

    assert (rejected.value.code, rejected.value.pointers) == ("INVALID_INPUT", ["/password"])


@pytest.mark.parametrize("password", ["", "x", "x" * 257, LIGATURE * 256])
def test_login_with_a_password_of_any_length_returns_a_client_error(
    make_client: ClientFactory, user: TestUser, password: str
) -> None:
    with pytest.raises(ApiError) as rejected:
        make_client(None).log_in(user.email, password)
    assert rejected.value.code in {"UNAUTHENTICATED", "INVALID_INPUT"}


def test_outdated_password_hash_is_upgraded_at_login(make_client: ClientFactory, user: TestUser, service: RunningService) -> None:
    outdated = CryptContext(["argon2"], argon2__type="ID", argon2__memory_cost=8192, argon2__time_cost=1, argon2__parallelism=1)
    owner = service.database.owner
    run_sql(owner, 'UPDATE "user" SET password_hash = %s WHERE id = %s', outdated.hash(PASSWORD), user.id)

    assert make_client(None).log_in(user.email, PASSWORD)

    ((stored,),) = run_sql(owner, 'SELECT password_hash FROM "user" WHERE id = %s', user.id)
    assert str(stored).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert make_client(None).log_in(user.email, PASSWORD)
    assert run_sql(owner, 'SELECT password_hash FROM "user" WHERE id = %s', user.id) == [(stored,)]


class CountingContext:
    """Password context that counts concurrent calls and blocks each until released."""

    def __init__(self, context: CryptContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self.running = self.max_running = 0
        self.resume = threading.Event()

    def hash(self, password: str) -> Any:
        with self._lock:
            self.running += 1
            self.max_running = max(self.max_running, self.running)
        self.resume.wait(10)
        try:
            return self._context.hash(password)
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def counted_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PasswordHasher, CountingContext]]:
    passwords = PasswordHasher(max_concurrent=2)
    counter = CountingContext(passwords._context)
    monkeypatch.setattr(passwords, "_context", counter)
    yield passwords, counter
    counter.resume.set()


def test_password_hashing_concurrency_is_limited(counted_passwords: tuple[PasswordHasher, CountingContext]) -> None:
    passwords, counter = counted_passwords
    capacity = 2 + MAX_QUEUED
    with ThreadPoolExecutor(2 * capacity) as pool:
        attempts = [pool.submit(passwords.hash, "x" * 8) for _ in range(2 * capacity)]
        # Calls beyond the queue fail before any other call completes.
        rejected = list(islice(as_completed(attempts, timeout=10), capacity))
        counter.resume.set()

    assert all(isinstance(attempt.exception(), Unavailable) for attempt in rejected)
    assert counter.max_running == 2
    assert sum(attempt.exception() is None for attempt in attempts) == capacity
    assert passwords.hash("x" * 8).startswith("$argon2id$")


def test_concurrent_logins_do_not_block_other_requests(database: PostgresServer) -> None:
    with run_service(settings_for(database, password_hash_concurrency=1, database_pool_size=2), database) as service:
        user = TestUser.register(service.url)
        with ThreadPoolExecutor(64) as pool, GraphQLClient(service.url, user.token) as other_client:
            attempts = [pool.submit(_try_to_log_in, service.url, user.email) for _ in range(128)]
            assert [other_client.page("task") for _ in range(10)] == [[]] * 10
            results = [attempt.result() for attempt in attempts]

    assert set(results) <= {"logged in", "UNAVAILABLE"}
    assert results.count("logged in") >= MAX_QUEUED


def _try_to_log_in(url: str, email: str) -> str:
    with RestClient(url, None) as client:
        try:
            client.log_in(email, PASSWORD)
        except ApiError as error:
            return error.code
        return "logged in"
