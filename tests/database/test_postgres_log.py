"""PostgreSQL's own log: expected conflicts raise no error, and the embedded server logs no values of failed statements."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient, expect_error
from tests.support.service import SECRET, PostgresServer, RunningService, run_postgres_server, run_service, run_sql, settings_for
from tests.support.users import PASSWORD, TestUser, sign_token

PRIVATE = "private"
PRIVATE_EMAIL = "private-address@example.com"
NO_ID = str(uuid4())
CLIENT_TYPES = pytest.mark.parametrize("client_type", [RestClient, GraphQLClient], ids=["rest", "graphql"])
ClientType = Callable[[str, str | None], ApiClient]
LOG_SETTINGS = ("log_error_verbosity", "log_min_error_statement")


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pg") / "postgres" / "log"


@pytest.fixture(scope="module")
def own_service(log_file: Path) -> Iterator[RunningService]:
    """A service with a PostgreSQL server of its own, whose log the tests read."""
    with run_postgres_server(log_file.parents[1]) as server:
        database = server.copy("template_todo")
        with run_service(settings_for(database), database) as running:
            yield running


@contextmanager
def default_log_settings(server: PostgresServer) -> Iterator[None]:
    """Log as a PostgreSQL server does by default."""
    before = {name: server.execute(f"SHOW {name}")[0][0] for name in LOG_SETTINGS}
    for name in LOG_SETTINGS:
        server.execute(f"ALTER SYSTEM RESET {name}")
    server.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        for name, value in before.items():
            server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.execute("SELECT pg_reload_conf()")


@contextmanager
def appended_text(log_file: Path) -> Iterator[list[str]]:
    """Yield a list, to which the text is added that PostgreSQL logs during the block."""
    size = log_file.stat().st_size
    appended: list[str] = []
    yield appended
    appended.append(log_file.read_bytes()[size:].decode())


def expected_conflicts(client: ApiClient, other: TestUser) -> dict[str, Callable[[], object]]:
    """Return requests that the service refuses because of other rows, by the expected error."""
    list_id = client.create("list", name="list")["id"]
    task = client.create("task", title="task", id=str(uuid4()))
    tag = client.create("tag", name="tag")
    second = client.create("tag", name="second")
    client.delete("list", list_id)
    return {
        "EMAIL_TAKEN register": lambda: client.register(email=other.email, password=PASSWORD),
        "EMAIL_TAKEN update": lambda: client.change_me(email=other.email, current_password=PASSWORD),
        "CONFLICT name of a new tag": lambda: client.create("tag", name="TAG"),
        "CONFLICT name of a tag": lambda: client.update("tag", second["id"], name="tag"),
        "CONFLICT id with other content": lambda: client.create("task", id=task["id"], title="other"),
        "CONFLICT id of another kind": lambda: client.create("list", id=task["id"], name="other"),
        "CONFLICT id of a deleted row": lambda: client.create("list", id=list_id, name="other"),
        "INVALID_INPUT deleted list": lambda: client.create("task", title="x", list_id=list_id),
        "INVALID_INPUT list": lambda: client.update("task", task["id"], list_id=NO_ID),
        "INVALID_INPUT parent": lambda: client.create("task", title="x", parent_id=NO_ID),
        "INVALID_INPUT tag": lambda: client.create("task", title="x", tag_ids=[NO_ID]),
        "NOT_FOUND tag": lambda: client.add_tag(task["id"], NO_ID),
        "INVALID_INPUT merge": lambda: client.merge_tag(tag["id"], NO_ID),
        "NOT_FOUND comment": lambda: client.comment(NO_ID, "x"),
    }


@CLIENT_TYPES
def test_expected_conflicts_raise_no_error_in_postgresql(
    own_service: RunningService, log_file: Path, client_type: ClientType
) -> None:
    user, other = TestUser.register(own_service.url), TestUser.register(own_service.url)
    with default_log_settings(own_service.database), appended_text(log_file) as appended:
        with client_type(own_service.url, user.token) as client:
            for name, request in expected_conflicts(client, other).items():
                with expect_error(name.partition(" ")[0]):
                    request()
        for email in (other.email, f"{uuid4().hex}@example.com", user.email):
            with client_type(own_service.url, sign_token({"sub": f"external of {user.id}", "email": email}, SECRET)) as external:
                assert (external.me()["email"] == email) == (email not in {user.email, other.email})
    assert "ERROR" not in appended[0]


@CLIENT_TYPES
def test_concurrent_conflicts_raise_no_error_in_postgresql(
    own_service: RunningService, log_file: Path, client_type: ClientType
) -> None:
    with default_log_settings(own_service.database), appended_text(log_file) as appended, ExitStack() as stack:
        users = [TestUser.register(own_service.url) for _ in range(4)]
        clients = [stack.enter_context(client_type(own_service.url, user.token)) for user in users]
        pool = stack.enter_context(ThreadPoolExecutor(len(clients)))
        for _ in range(5):
            email = f"{uuid4().hex}@example.com"

            def take_email(number: int, email: str = email) -> bool:
                client = clients[number]
                with suppress(ApiError):
                    if number % 2:
                        client.change_me(email=email, current_password=PASSWORD)
                    else:
                        client.register(email=email, password=PASSWORD)
                    return True
                return False

            assert sum(pool.map(take_email, range(len(clients)))) == 1
    assert "ERROR" not in appended[0]


STATEMENTS = {
    "unique": 'INSERT INTO "user" (id, email, is_active, created_at, updated_at, password_hash, name) '
    f"SELECT 'x', email, true, now(), now(), '$argon2id${PRIVATE}', '{PRIVATE}' FROM \"user\" WHERE email = '{PRIVATE_EMAIL}'",
    "foreign key": "INSERT INTO comment (user_id, id, task_id, body, created_at, updated_at, revision) "
    f"VALUES ('{PRIVATE}', gen_random_uuid(), gen_random_uuid(), '{PRIVATE}', now(), now(), 1)",
    "check": f"UPDATE \"user\" SET id = repeat('{PRIVATE}', 20) WHERE email = '{PRIVATE_EMAIL}'",
    "not null": f"UPDATE \"user\" SET is_active = NULL WHERE email = '{PRIVATE_EMAIL}'",
    "too long": f"UPDATE \"user\" SET name = repeat('{PRIVATE}', 50) WHERE email = '{PRIVATE_EMAIL}'",
    "timeout": f"SET LOCAL statement_timeout = 20; SELECT pg_sleep(5), '{PRIVATE}'",
    "syntax": f"SELECT '{PRIVATE}' FROM",
    "row-level security": f"SET LOCAL ROLE todo_app; INSERT INTO deleted_user VALUES ('{PRIVATE}', now())",
    "raised in a function": f"DO $$ BEGIN PERFORM 1 / 0 /* {PRIVATE} */; END $$",
}


@pytest.fixture
def private_user(own_service: RunningService) -> Iterator[TestUser]:
    user = TestUser.register(own_service.url, email=PRIVATE_EMAIL, name=f"{PRIVATE} name")
    yield user
    run_sql(own_service.database.owner, 'DELETE FROM "user" WHERE email = %s', PRIVATE_EMAIL)


@pytest.mark.usefixtures("private_user")
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_embedded_server_logs_no_values_of_failed_statements(own_service: RunningService, log_file: Path, statement: str) -> None:
    with appended_text(log_file) as appended, pytest.raises(psycopg2.Error):
        run_sql(own_service.database.owner, f"BEGIN; {statement}")
    assert "ERROR:" in appended[0], "the error itself is logged"
    for private in (PRIVATE, "argon2", "Someone"):
        assert private not in appended[0]


@CLIENT_TYPES
def test_embedded_server_logs_no_texts_when_the_disk_is_full(
    own_service: RunningService, private_user: TestUser, log_file: Path, client_type: ClientType
) -> None:
    owner = own_service.database.owner
    function = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$"
    run_sql(owner, f"{function}; CREATE TRIGGER full_disk BEFORE INSERT ON task FOR EACH ROW EXECUTE FUNCTION fail()")
    try:
        with (
            client_type(own_service.url, private_user.token) as client,
            appended_text(log_file) as appended,
            expect_error("UNAVAILABLE"),
        ):
            client.create("task", title=f"{PRIVATE} title", description=PRIVATE)
    finally:
        run_sql(owner, "DROP FUNCTION fail() CASCADE")
    assert "disk_full" in appended[0]
    assert PRIVATE not in appended[0]
