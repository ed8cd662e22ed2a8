"""Row-level security alone isolates users of the whole service.

Every cross-user request is sent three times: to the service as it is; to the service without its own filters, which must respond
identically; and to that with row-level security disabled, which must leak, as proof that the second response means something.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.support.api_clients import TLS
from tests.support.cross_user_requests import (
    AMBIGUOUS_ACCOUNT,
    BLOCKED_BY_FOREIGN_KEYS,
    EXISTENCE_LEAK,
    REQUESTS,
    REVISION_ONLY,
    SHARED_IDS,
    Call,
)
from tests.support.service import SECRET, PostgresServer, run_service, run_sql, settings_for
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, Row, api_token, dump_user_rows, insert_rows_sql, rows_for_user
from tests.support.unfiltered_service import FilterStripper, run_unfiltered_service
from tests.support.users import signed

Answer = tuple[int, str]


@dataclass(frozen=True)
class Stage:
    """A database, and the service on it with and without its own filters."""

    database: PostgresServer
    insert_rows_sql: str
    http: httpx.Client
    whole: str
    unfiltered: str
    noted: FilterStripper

    def ask(self, call: Call, url: str, *, row_level_security: bool = True) -> tuple[Answer, dict[str, list[Row]]]:
        """Send a request as EVE to freshly inserted rows; return the response and ADA's rows afterwards."""
        word = "ENABLE" if row_level_security else "DISABLE"
        locks = "; ".join(f'ALTER TABLE "{table}" {word} ROW LEVEL SECURITY' for table in TABLE_NAMES)
        run_sql(self.database.owner, f"{_EMPTY}; {self.insert_rows_sql}; {locks}")
        answer = call(self.http, url)
        return (answer.status_code, _masked(answer)), dump_user_rows(self.database, ADA)


def _world() -> Iterator[Mapping[str, list[Row]]]:
    for user_id in (ADA, EVE):
        yield rows_for_user(user_id, f"{user_id}'s")
        twin = rows_for_user(user_id)
        yield {table: rows for table, rows in twin.items() if table not in {"user", "user_revision", "deleted_user"}}


def _masked(answer: httpx.Response) -> str:
    """Mask request ids, new ids, secrets and times."""
    return _NEW.sub("…", answer.text.replace(answer.headers["x-request-id"], ""))


# TRUNCATE keeps the physical order of the rows that are inserted next.
_EMPTY = "TRUNCATE " + ", ".join(f'"{table}"' for table in TABLE_NAMES)
_NEW = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|\d{4}-\d\d-\d\dT[\d:.]+Z|todo_(?:api|refresh)_[\w.-]+")


@pytest.fixture(scope="module")
def stage(postgres: PostgresServer) -> Iterator[Stage]:
    database = postgres.copy("template_todo")
    claims = {"iss": "todo", "sub": EVE, "sid": SHARED_IDS["session"], "iat": int(time.time()), "jti": "x"}
    headers = {"Authorization": f"Bearer {signed(claims, SECRET)}"}
    with (
        run_service(settings_for(database), database) as whole,
        run_unfiltered_service(database) as (unfiltered, noted),
        httpx.Client(verify=TLS, timeout=30, headers=headers) as http,
    ):
        yield Stage(database, insert_rows_sql(database, *_world()), http, whole.url, unfiltered.url, noted)


@pytest.mark.parametrize("name", REQUESTS)
def test_row_level_security_alone_isolates_users(stage: Stage, name: str) -> None:
    answer, foreign = stage.ask(REQUESTS[name], stage.whole)
    alone, hers_then = stage.ask(REQUESTS[name], stage.unfiltered)
    leaking, harmed = stage.ask(REQUESTS[name], stage.unfiltered, row_level_security=False)

    assert alone == answer
    assert hers_then == foreign
    assert " of ada" not in alone[1]
    changed = {table for table in TABLE_NAMES if foreign[table] != harmed[table]}
    if name in BLOCKED_BY_FOREIGN_KEYS | AMBIGUOUS_ACCOUNT:
        assert "INTERNAL" in leaking[1]
    elif name in REVISION_ONLY:
        assert changed == {"user_revision"}
    elif name in EXISTENCE_LEAK:
        assert leaking != alone
        assert "INTERNAL" not in leaking[1]
    else:
        assert " of ada" in leaking[1] or changed - {"user_revision"}


def test_api_token_lookup_finds_only_its_own_account(stage: Stage) -> None:
    """API tokens are cached for a while, so the third request takes another one."""

    def call(salt: str) -> Call:
        return lambda http, url: http.get(f"{url}/api/me/tasks", headers={"Authorization": f"Bearer {api_token(EVE, salt)}"})

    answer, foreign = stage.ask(call("eve's"), stage.whole)
    alone, hers_then = stage.ask(call("eve's"), stage.unfiltered)
    _, harmed = stage.ask(call(""), stage.unfiltered, row_level_security=False)

    assert answer[0] == 200
    assert (alone, hers_then) == (answer, foreign)
    assert harmed["api_token"] != foreign["api_token"]


def test_every_table_was_queried_without_filters(stage: Stage) -> None:
    assert stage.noted.tables == set(TABLE_NAMES)
