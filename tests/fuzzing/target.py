"""What is played against: a service that listens, Ada who plays, and Eve, whose rows bear a mark that must never be seen."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
from graphql import GraphQLSchema, build_schema

from graphql_schema.schema import build_schema as build_strawberry
from tests.fuzzing.disposable_accounts import Victims, client
from tests.fuzzing.response_checks import judge_graph, judge_rest
from tests.fuzzing.values.malformed_values import as_json
from tests.fuzzing.values.schema_values import Book
from tests.issuer import AUDIENCE, NAME, Endpoint, SigningKey, serving_keys
from tests.property.reference_executor import ReferenceExecutor
from tests.support.datasets import Rows, dump_tables, insert_datasets, varied_dataset
from tests.support.service import QUOTAS, SECRET, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser, signed

MARK = "e7e5eca1"  # in all texts of Eve's
_TEXTS = ("title", "name", "description", "body", "email")
METHODS = ("get", "put", "post", "patch", "delete")


class Operation:
    """One of the service's, as the OpenAPI document has it."""

    def __init__(self, method: str, path: str, declared: Mapping[str, Any]) -> None:
        self.method = method
        self.path = path
        self.declared = declared

    def __repr__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Return its parameters by name."""
        return {parameter["name"]: parameter for parameter in self.declared.get("parameters", ())}

    @property
    def about_accounts(self) -> bool:
        """Tell whether it may end what its caller comes with."""
        return self.path.startswith("/api/auth/")


@dataclass(eq=False, repr=False)
class Target:
    """Whatever is sent goes through here, is counted, and is judged by what holds for all answers."""

    service: RunningService
    victims: Victims
    reference: ReferenceExecutor
    member: TestUser  # someone who registered here, with a session
    keys: Sequence[SigningKey]  # of another issuer
    http: httpx.Client
    token: str = field(default_factory=lambda: signed({"sub": "ada"}, SECRET, lifetime=10**6))
    other_token: str = field(default_factory=lambda: signed({"sub": "eve"}, SECRET, lifetime=10**6))
    statuses: Counter[int] = field(default_factory=Counter)  # of all answers

    def __repr__(self) -> str:
        return "the target"

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document that is served."""
        return dict(self.http.get("/openapi.json").json())

    @cached_property
    def operations(self) -> list[Operation]:
        """Return all operations of the document."""
        paths = self.document["paths"].items()
        return [Operation(method, path, known[method]) for path, known in paths for method in METHODS if method in known]

    @cached_property
    def schema(self) -> GraphQLSchema:
        """Return the schema that is served."""
        return build_schema(build_strawberry().as_str())

    def ids(self, collection: str) -> list[str]:
        """Return ids of Ada's rows in a collection, as in a path."""
        names = {"tasks": "Task", "lists": "TaskList", "tags": "Tag", "comments": "Comment"}
        return [str(value) for value in self.reference.values(names[collection], "id")] if collection in names else []

    def book(self, operation: Operation) -> Book:
        """Return what there is to know for whoever calls an operation."""
        facts = self.victims.current().facts if operation.about_accounts else {}
        return Book(self.document["components"]["schemas"], facts, self.ids("tasks")[:20])

    def rest(self, method: str, path: str, *, owner: str | None = None, **arguments: Any) -> httpx.Response:
        """Send a request to the REST door."""
        answer = self.send(method, path, **arguments)
        judge_rest(answer, owner)
        return answer

    def graph(self, token: str | None, body: Any) -> dict[str, Any]:
        """Send a GraphQL request, whatever its body: bytes go as they are, everything else as JSON."""
        return self.graph_with([(b"Authorization", f"Bearer {token}".encode())] if token else [], body)

    def graph_with(self, headers: Sequence[tuple[bytes, bytes]], body: Any) -> dict[str, Any]:
        """Send a GraphQL request with these headers."""
        content = body if isinstance(body, bytes) else as_json(body)
        return judge_graph(
            self.send("POST", "/graphql", content=content, headers=[(b"Content-Type", b"application/json"), *headers])
        )

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send any request: to be judged by whoever sends it, but for the mark."""
        answer = self.http.request(method, path, **arguments)
        self.statuses[answer.status_code] += 1
        assert MARK not in answer.text, "this is Eve's"
        return answer


def marked(rows: Rows) -> Rows:
    """Put the mark into all texts; what must be unique stays so."""
    return {
        table: [
            {name: f"{MARK} {number} {value}"[:50] if name in _TEXTS and value else value for name, value in row.items()}
            for number, row in enumerate(several)
        ]
        for table, several in rows.items()
    }


@contextmanager
def standing(database: PostgresServer, **given: object) -> Iterator[Target]:
    """Serve a migrated, empty database with both people's data in it, with settings of one's own if need be."""
    insert_datasets(database.owner, varied_dataset("ada"), marked(varied_dataset("eve", tasks=30)))
    reference = ReferenceExecutor(dump_tables(database.owner), "ada")
    keys = [SigningKey.make(kind) for kind in ("EdDSA", "ES256", "RS256")]
    with serving_keys(*keys) as endpoint, _open(database, endpoint, **given) as service, client(service.url) as http:
        yield Target(service, Victims(http, furnished=True), reference, TestUser.register(service.url), keys, http)


def _open(database: PostgresServer, endpoint: Endpoint, **given: object) -> AbstractContextManager[RunningService]:
    """Serve with all that can be switched on; nobody asks so much that it would be too much."""
    elsewhere = {"jwks_url": endpoint.url, "jwt_issuer": NAME, "jwt_audience": AUDIENCE}
    quotas = dict.fromkeys(QUOTAS, "1000000000/minute")
    everything = {"access_token_expire_minutes": 60 * 24, **elsewhere, **quotas, **given}
    return run_service(settings_for(database, **everything), database)
