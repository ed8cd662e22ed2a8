"""Row-level security alone isolates users of the whole service.

Every cross-user request is sent three times: to the service as it is; to the service without its own filters, which must respond
identically; and to that service with row-level security disabled, which must leak: this proves that the second check can fail.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.support.api_clients import TLS
from tests.support.isolation.cross_user_requests import (
    AMBIGUOUS_ACCOUNT,
    BLOCKED_BY_FOREIGN_KEYS,
    EXISTENCE_LEAK,
    REQUESTS,
    REVISION_ONLY,
    SHARED_IDS,
    Request,
)
from tests.support.isolation.unfiltered_service import FilterStripper, run_unfiltered_service
from tests.support.service import SECRET, PostgresServer, deletion_worker_disabled, run_service, run_sql, settings_for
from tests.support.table_rows import ADA, EVE, TABLE_NAMES, Row, api_token, dump_user_rows, insert_rows_sql, rows_for_user
from tests.support.users import sign_token

MaskedResponse = tuple[int, str]


@dataclass(frozen=True)
class Setup:
    """A database, and the service on it with and without its own filters."""

    database: PostgresServer
    insert_rows_sql: str
    http: httpx.Client
    service_url: str
    unfiltered_url: str
    stripper: FilterStripper

    def send(self, request: Request, url: str, *, row_level_security: bool = True) -> tuple[MaskedResponse, dict[str, list[Row]]]:
        """Send a request as EVE to freshly inserted rows; return the response and ADA's rows afterwards."""
        action = "ENABLE" if row_level_security else "DISABLE"
        switches = "; ".join(f'ALTER TABLE "{table}" {action} ROW LEVEL SECURITY' for table in TABLE_NAMES)
        run_sql(self.database.owner, f"{_EMPTY}; {self.insert_rows_sql}; {switches}")
        response = request(self.http, url)
        return (response.status_code, _masked(response)), dump_user_rows(self.database, ADA)


def _rows() -> Iterator[Mapping[str, list[Row]]]:
    for user_id in (ADA, EVE):
        yield rows_for_user(user_id, f"{user_id}'s")
        shared = rows_for_user(user_id)
        yield {table: rows for table, rows in shared.items() if table not in _ONE_ROW_PER_USER}


def _masked(response: httpx.Response) -> str:
    """Mask request ids, new ids, secrets and times."""
    return _NEW.sub("…", response.text.replace(response.headers["x-request-id"], ""))


_ONE_ROW_PER_USER = {"user", "user_revision", "deleted_user", "account_deletion"}
# TRUNCATE keeps the physical order of the rows that are inserted next.
_EMPTY = "TRUNCATE " + ", ".join(f'"{table}"' for table in TABLE_NAMES)
_NEW = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|\d{4}-\d\d-\d\dT[\d:.]+Z|todo_(?:api|refresh)_[\w.-]+")


@pytest.fixture(scope="module")
def setup(postgres: PostgresServer) -> Iterator[Setup]:
    database = postgres.copy("template_todo")
    claims = {"iss": "todo", "sub": EVE, "sid": SHARED_IDS["session"], "iat": int(time.time()), "jti": "x"}
    headers = {"Authorization": f"Bearer {sign_token(claims, SECRET)}"}
    with (
        deletion_worker_disabled(),
        run_service(settings_for(database), database) as service,
        run_unfiltered_service(database) as (unfiltered, stripper),
        httpx.Client(verify=TLS, timeout=30, headers=headers) as http,
    ):
        yield Setup(database, insert_rows_sql(database, *_rows()), http, service.url, unfiltered.url, stripper)


@pytest.mark.parametrize("name", REQUESTS)
def test_row_level_security_alone_isolates_users(setup: Setup, name: str) -> None:
    response, victim_rows = setup.send(REQUESTS[name], setup.service_url)
    unfiltered_response, victim_rows_unfiltered = setup.send(REQUESTS[name], setup.unfiltered_url)
    leaking_response, victim_rows_unprotected = setup.send(REQUESTS[name], setup.unfiltered_url, row_level_security=False)

    assert unfiltered_response == response
    assert victim_rows_unfiltered == victim_rows
    assert " of ada" not in unfiltered_response[1]
    changed = {table for table in TABLE_NAMES if victim_rows[table] != victim_rows_unprotected[table]}
    if name in BLOCKED_BY_FOREIGN_KEYS | AMBIGUOUS_ACCOUNT:
        assert "INTERNAL" in leaking_response[1]
    elif name in REVISION_ONLY:
        assert changed == {"user_revision"}
    elif name in EXISTENCE_LEAK:
        assert leaking_response != unfiltered_response
        assert "INTERNAL" not in leaking_response[1]
    else:
        assert " of ada" in leaking_response[1] or changed - {"user_revision"}


def test_api_token_lookup_finds_only_its_own_account(setup: Setup) -> None:
    token = api_token(EVE, "eve's")

    def request(http: httpx.Client, url: str) -> httpx.Response:
        return http.get(f"{url}/api/me/tasks", headers={"Authorization": f"Bearer {token}"})

    response, victim_rows = setup.send(request, setup.service_url)
    unfiltered_response, victim_rows_unfiltered = setup.send(request, setup.unfiltered_url)

    assert response[0] == 200
    assert (unfiltered_response, victim_rows_unfiltered) == (response, victim_rows)


def test_every_table_was_queried_without_filters(setup: Setup) -> None:
    assert setup.stripper.tables == set(TABLE_NAMES)
