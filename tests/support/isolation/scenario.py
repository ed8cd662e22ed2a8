"""Scenario of the isolation tests: a service, a victim, an attacker, invalid tokens, and calls of routes and fields."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.api_clients import TLS
from tests.support.isolation.invalid_tokens import EXTERNAL_ISSUER, Tokens, invalid_tokens
from tests.support.isolation.permission_matrix import RouteSpec, fill_ids
from tests.support.isolation.resource_owner import Ids, ResourceOwner, create_resource_owner
from tests.support.service import PostgresServer, RunningService, run_service, run_sql, settings_for
from tests.support.table_rows import TABLE_NAMES
from tests.support.users import TestUser

MINE = {"user": "me"}

Call = Callable[[str | None, Ids], httpx.Response]


class Scenario:
    """A service with a victim, an attacker and invalid tokens."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.http = httpx.Client(base_url=service.url, verify=TLS, timeout=30)
        self.victim = create_resource_owner(service.url, "Adaword")
        self.attacker = create_resource_owner(service.url, "Eveword")
        self.invalid_tokens: Tokens = invalid_tokens(service, self.victim.user)

    def send(self, method: str, path: str, token: str | None, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, path, headers=headers, **body)

    def dump_rows(self, owner: ResourceOwner) -> list[Any]:
        """Return all rows of a user, without `last_used_at`, which reads may change."""
        url = self.service.database.owner
        owner_columns = {"user": "id"}
        return [
            run_sql(
                url,
                f"SELECT to_jsonb(t) - 'last_used_at' FROM \"{table}\" AS t "
                f"WHERE {owner_columns.get(table, 'user_id')} = %s ORDER BY t::text",
                owner.user.id,
            )
            for table in TABLE_NAMES
        ]


@contextmanager
def run_scenario(postgres: PostgresServer, *, row_level_security: bool) -> Iterator[Scenario]:
    """Run a service on its own database; at the end, check that the victim's rows are unchanged."""
    database = postgres.copy("template_todo")
    issuer = {"jwt_issuer": EXTERNAL_ISSUER["iss"], "jwt_audience": EXTERNAL_ISSUER["aud"]}
    with run_service(settings_for(database, **issuer), database) as service:
        if not row_level_security:
            for table in TABLE_NAMES:
                run_sql(database.owner, f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
        scenario = Scenario(service)
        before = scenario.dump_rows(scenario.victim)
        yield scenario
        scenario.http.close()
        assert scenario.dump_rows(scenario.victim) == before


def register_disposable_user(scenario: Scenario) -> TestUser:
    """Register a user that a test may delete or change."""
    return TestUser.register(scenario.service.url)


def rest_call(scenario: Scenario, route: str, spec: RouteSpec) -> Call:
    method, path = route.split(" ")

    def call(token: str | None, ids: Ids) -> httpx.Response:
        body = {} if spec.json is None else {"json": json.loads(fill_ids(json.dumps(spec.json), ids))}
        form = {} if spec.form is None else {"data": spec.form}
        return scenario.send(method, fill_ids(path + spec.query, ids), token, **body, **form)

    return call


def graphql_call(scenario: Scenario, document: str) -> Call:
    def call(token: str | None, ids: Ids) -> httpx.Response:
        return scenario.send("POST", "/graphql", token, json={"query": fill_ids(document, ids)})

    return call


def mask_ids(response: httpx.Response, ids: Ids) -> tuple[int, str, list[tuple[str, str]]]:
    """Return the response without its request id, with each id that was sent replaced by its kind.

    The ETag of a list ends with a digest of the query string, which contains the ids: only its revision is kept.
    """
    text = response.text.replace(response.headers["x-request-id"], "")
    for kind, row_id in ids.items():
        text = text.replace(row_id, kind)
    headers = [
        (name, re.sub(r"-[0-9a-f]{24}\"$", '"', value) if name == "etag" else value)
        for name, value in response.headers.multi_items()
        if name not in {"x-request-id", "date"}
    ]
    return response.status_code, text, headers


def error_code_of(response: httpx.Response) -> str | None:
    """Return the code of the first error."""
    body = response.json() if response.content and "json" in response.headers["content-type"] else {}
    if isinstance(body, dict) and body.get("errors") and "error_code" not in body:
        return str(body["errors"][0]["extensions"]["code"])
    return body.get("error_code") if isinstance(body, dict) else None
