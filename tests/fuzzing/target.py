"""Fuzzing target: a running service with the data of two users."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
from graphql import GraphQLSchema, build_schema

from graphql_schema.schema import build_schema as build_strawberry
from tests.fuzzing.disposable_accounts import DisposableAccounts, client
from tests.fuzzing.response_checks import check_graphql_response, check_rest_response
from tests.fuzzing.values.malformed_values import as_json
from tests.fuzzing.values.schema_values import SchemaContext
from tests.property.reference_executor import ReferenceExecutor
from tests.support.datasets import Rows, dump_tables, insert_datasets, varied_dataset
from tests.support.jwks_server import AUDIENCE, ISSUER, JwksEndpoint, SigningKey, run_jwks_server
from tests.support.service import QUOTAS, SECRET, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser, sign_token

CANARY = "e7e5eca1"  # in all texts of the other user
_TEXTS = ("title", "name", "description", "body", "email")
METHODS = ("get", "put", "post", "patch", "delete")


class Operation:
    """An operation of the OpenAPI document."""

    def __init__(self, method: str, path: str, declared: Mapping[str, Any]) -> None:
        self.method = method
        self.path = path
        self.declared = declared

    def __repr__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {parameter["name"]: parameter for parameter in self.declared.get("parameters", ())}

    @property
    def about_accounts(self) -> bool:
        """Return whether the operation may revoke the credential of its caller."""
        return self.path.startswith("/api/auth/")


@dataclass(eq=False, repr=False)
class Target:
    """The service under test: sends requests, counts statuses and checks every response."""

    service: RunningService
    accounts: DisposableAccounts
    reference: ReferenceExecutor
    registered_user: TestUser  # with a login session
    keys: Sequence[SigningKey]  # of the external issuer
    http: httpx.Client
    token: str = field(default_factory=lambda: sign_token({"sub": "ada"}, SECRET, lifetime=10**6))
    other_token: str = field(default_factory=lambda: sign_token({"sub": "eve"}, SECRET, lifetime=10**6))
    statuses: Counter[int] = field(default_factory=Counter)  # of all responses

    def __repr__(self) -> str:
        return "the target"

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return the served OpenAPI document."""
        return dict(self.http.get("/openapi.json").json())

    @cached_property
    def operations(self) -> list[Operation]:
        """Return all operations of the document."""
        paths = self.document["paths"].items()
        return [Operation(method, path, declared[method]) for path, declared in paths for method in METHODS if method in declared]

    @cached_property
    def schema(self) -> GraphQLSchema:
        """Return the GraphQL schema."""
        return build_schema(build_strawberry().as_str())

    def ids(self, collection: str) -> list[str]:
        """Return ids of the user's rows in a collection of REST."""
        names = {"tasks": "Task", "lists": "TaskList", "tags": "Tag", "comments": "Comment"}
        return [str(value) for value in self.reference.values(names[collection], "id")] if collection in names else []

    def schema_context(self, operation: Operation) -> SchemaContext:
        """Return the values known to the caller of an operation."""
        known_values = self.accounts.current().known_values if operation.about_accounts else {}
        return SchemaContext(self.document["components"]["schemas"], known_values, self.ids("tasks")[:20])

    def rest(self, method: str, path: str, *, owner: str | None = None, **arguments: Any) -> httpx.Response:
        """Send a request to the REST API."""
        response = self.send(method, path, **arguments)
        check_rest_response(response, owner)
        return response

    def graphql(self, token: str | None, body: Any) -> dict[str, Any]:
        """Send a GraphQL request; bytes are sent unchanged, everything else as JSON."""
        return self.graphql_with_headers([(b"Authorization", f"Bearer {token}".encode())] if token else [], body)

    def graphql_with_headers(self, headers: Sequence[tuple[bytes, bytes]], body: Any) -> dict[str, Any]:
        """Send a GraphQL request with these headers."""
        content = body if isinstance(body, bytes) else as_json(body)
        return check_graphql_response(
            self.send("POST", "/graphql", content=content, headers=[(b"Content-Type", b"application/json"), *headers])
        )

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send any request, and check only that the canary is not in the response."""
        response = self.http.request(method, path, **arguments)
        self.statuses[response.status_code] += 1
        assert CANARY not in response.text, "the response contains data of another user"
        return response


def with_canary(rows: Rows) -> Rows:
    """Put the canary into all texts; unique values stay unique."""
    return {
        table: [
            {name: f"{CANARY} {number} {value}"[:50] if name in _TEXTS and value else value for name, value in row.items()}
            for number, row in enumerate(table_rows)
        ]
        for table, table_rows in rows.items()
    }


@contextmanager
def run_target(database: PostgresServer, **overrides: object) -> Iterator[Target]:
    """Run the service on a migrated, empty database filled with the data of two users."""
    insert_datasets(database.owner, varied_dataset("ada"), with_canary(varied_dataset("eve", tasks=30)))
    reference = ReferenceExecutor(dump_tables(database.owner), "ada")
    keys = [SigningKey.make(kind) for kind in ("EdDSA", "ES256", "RS256")]
    with (
        run_jwks_server(*keys) as endpoint,
        _run_target_service(database, endpoint, **overrides) as service,
        client(service.url) as http,
    ):
        yield Target(service, DisposableAccounts(http, with_rows=True), reference, TestUser.register(service.url), keys, http)


def _run_target_service(
    database: PostgresServer, endpoint: JwksEndpoint, **overrides: object
) -> AbstractContextManager[RunningService]:
    """Run the service with all features enabled and very high quotas."""
    external_issuer = {"jwks_url": endpoint.url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    quotas = dict.fromkeys(QUOTAS, "1000000000/minute")
    settings = {"access_token_expire_minutes": 60 * 24, **external_issuer, **quotas, **overrides}
    return run_service(settings_for(database, **settings), database)
