"""Persisted documents: Apollo's automatic persisted queries, `documentId` and the operator's allow-list."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from cachetools import LRUCache

from api.app import create_app
from api.settings import SettingsError
from graphql_schema.context import GraphQLContext
from graphql_schema.documents.operation_cache import OperationCache
from graphql_schema.documents.persisted import MAX_REGISTERED_CHARACTERS, PersistedDocuments, PersistedQueryNotFound
from graphql_schema.documents.request import GraphQLRequest, parse_request
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.execution.result import OperationResult
from graphql_schema.schema import build_schema
from services.errors import InvalidInput, Unauthenticated
from services.rate_limiting.client import Client
from tests.support.api_clients import GraphQLClient
from tests.support.service import SECRET, PostgresServer, RunningService, run_command, run_service, settings_for
from tests.support.users import TestUser

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
IOS = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json"
APOLLO_CLIENT = "application/graphql-response+json,application/json;q=0.9"
CREATE = 'mutation Create { createTask(input: {title: "x"}) { task { title } } }'
COUNT = "query Count { tasks { totalCount } }"
NOT_FOUND = {"code": "PERSISTED_QUERY_NOT_FOUND", "status": 404}


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def apq(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}


def by_id(text: str) -> dict[str, Any]:
    return {"documentId": f"sha256:{digest(text)}"}


def by_apq(text: str) -> dict[str, Any]:
    return {"extensions": apq(text)}


def send(client: GraphQLClient, method: str, parameters: dict[str, Any], accept: str = JSON) -> httpx.Response:
    """Send the parameters of a request in the body or in the query string."""
    headers = {"Accept": accept}
    if method == "POST":
        return client.http.post("/graphql", json=parameters, headers=headers)
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    return client.http.get("/graphql", params=params, headers=headers)


_numbers = iter(range(10**6))


def new_document() -> str:
    """Return a document that no test has sent before."""
    return f"query N{next(_numbers)} {{ viewer {{ name }} }}"


@pytest.mark.parametrize("identify", [by_apq, by_id])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_registered_document_is_executed_by_hash(
    graphql_client: GraphQLClient, method: str, identify: Callable[[str], dict[str, Any]]
) -> None:
    document = new_document()
    expected = {"data": {"viewer": {"name": "Someone"}}}

    assert send(graphql_client, method, identify(document)).json() == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": NOT_FOUND}]
    }
    assert send(graphql_client, method, {"query": document, **identify(document)}).json() == expected
    for other_method in ("GET", "POST"):
        for identify_otherwise in (by_apq, by_id):
            assert send(graphql_client, other_method, identify_otherwise(document)).json() == expected
    assert send(graphql_client, method, by_apq(document) | by_id(document) | {"query": ""}).json() == expected
    assert send(graphql_client, method, identify(document) | {"operationName": "Other"}).json().keys() == {"errors"}


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (GRAPHQL_JSON, 404, GRAPHQL_JSON),
        (APOLLO_CLIENT, 404, GRAPHQL_JSON),
        (IOS, 200, JSON),
        (JSON, 200, JSON),
        ("*/*", 200, JSON),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_hash_status_follows_the_media_type(
    graphql_client: GraphQLClient, method: str, accept: str, status: int, media_type: str
) -> None:
    """Apollo iOS reads the body of 2xx responses only; GraphQL over HTTP requires 4xx for its own media type."""
    response = send(graphql_client, method, by_apq(new_document()), accept)

    assert (response.status_code, response.headers["content-type"]) == (status, f"{media_type}; charset=utf-8")
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.json()["errors"][0]["extensions"] == NOT_FOUND


def test_hash_requests_support_variables_and_cost(graphql_client: GraphQLClient) -> None:
    document = "query Some($n: Int!) { tasks(first: $n) { nodes { id } } }"
    extensions = apq(document) | {"cost": True}
    send(graphql_client, "POST", {"query": document, "variables": {"n": 1}, "extensions": extensions})
    costs = [
        send(graphql_client, "GET", {"variables": {"n": n}, "extensions": extensions}).json()["extensions"]["cost"]["requested"]
        for n in (1, 5)
    ]

    assert costs == [1 + 1 * 2, 1 + 5 * 2]


def test_mutation_by_hash_requires_post(graphql_client: GraphQLClient) -> None:
    assert send(graphql_client, "GET", {"query": CREATE, **by_apq(CREATE)}).status_code == 405
    assert send(graphql_client, "POST", {"query": CREATE, **by_apq(CREATE)}).json()["data"]["createTask"]["task"] == {
        "title": "x"
    }
    for identify in (by_apq(CREATE), by_id(CREATE)):
        response = send(graphql_client, "GET", identify)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert send(graphql_client, "POST", by_id(CREATE)).json()["data"]["createTask"]["task"] == {"title": "x"}
    assert len(graphql_client.page("task")) == 2


@pytest.mark.parametrize("document", ["{", "{ nope }", "{ viewer { } }", "{ a" * 2000])
def test_invalid_document_is_not_persisted(graphql_client: GraphQLClient, document: str) -> None:
    body = send(graphql_client, "POST", {"query": document, **by_apq(document)}).json()

    assert {error["extensions"]["code"] for error in body["errors"]} == {"INVALID_INPUT"}
    assert send(graphql_client, "POST", by_apq(document)).json()["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize("identify", [by_apq, by_id])
def test_mismatched_hash_is_rejected_and_not_persisted(
    graphql_client: GraphQLClient, identify: Callable[[str], dict[str, Any]]
) -> None:
    document, other = new_document(), new_document()
    response = send(graphql_client, "POST", {"query": other, **identify(document)}, GRAPHQL_JSON)

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (422, "INVALID_INPUT")
    assert "does not match the SHA-256" in response.json()["errors"][0]["message"]
    for text in (document, other):
        assert send(graphql_client, "POST", by_apq(text)).json()["errors"][0]["message"] == "PersistedQueryNotFound"


HASH = digest("{ __typename }")


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"documentId": HASH}, "/documentId"),
        ({"documentId": ""}, "/documentId"),
        ({"documentId": f"sha256:{HASH.upper()}"}, "/documentId"),
        ({"documentId": f"sha256:{HASH}0"}, "/documentId"),
        ({"documentId": f"sha256:{HASH}\n"}, "/documentId"),
        ({"documentId": f"md5:{HASH}"}, "/documentId"),
        ({"documentId": f"x-private:{HASH}"}, "/documentId"),
        ({"extensions": {"persistedQuery": 5}}, "/extensions/persistedQuery"),
        ({"extensions": {"persistedQuery": []}}, "/extensions/persistedQuery"),
        ({"extensions": {"persistedQuery": {}}}, "/extensions/persistedQuery/version"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}}, "/extensions/persistedQuery/version"),
        ({"extensions": {"persistedQuery": {"version": "1", "sha256Hash": HASH}}}, "/extensions/persistedQuery/version"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "/extensions/persistedQuery/sha256Hash"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}}, "/extensions/persistedQuery/sha256Hash"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, "/extensions/persistedQuery/sha256Hash"),
        (by_id("{ a }") | by_apq("{ b }"), "/documentId"),
        ({"extensions": {"persistedQuery": None}}, "/query"),
    ],
)
def test_invalid_document_id_returns_pointer(parameters: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_request(parameters)

    assert [validation_error["pointer"] for validation_error in error.value.extensions["errors"]] == [pointer]


def test_malformed_hash_status_follows_the_media_type(graphql_client: GraphQLClient) -> None:
    for method in ("GET", "POST"):
        for accept, status in ((JSON, 400), (GRAPHQL_JSON, 422)):
            assert send(graphql_client, method, {"documentId": "x"}, accept).status_code == status


def anonymous_context() -> GraphQLContext:
    unused: Any = None
    return GraphQLContext(
        Unauthenticated(""), Client("192.0.2.1"), auth_service=unused, password_hasher=unused, deletion_worker=unused
    )


def run(executor: GraphQLExecutor, **parameters: Any) -> OperationResult:
    return executor.execute(parse_request(parameters), anonymous_context())


def test_automatic_persisted_queries_are_bounded() -> None:
    executor = GraphQLExecutor(build_schema())
    documents = [f"{{ a{number}: __typename }} #{'x' * 50_000}" for number in range(60)]
    for document in documents:
        assert run(executor, query=document, **by_apq(document)).executed

    assert executor.documents.registered.currsize <= MAX_REGISTERED_CHARACTERS
    assert 10 < len(executor.documents.registered) < len(documents)
    assert run(executor, **by_apq(documents[-1])).executed
    assert run(executor, **by_apq(documents[0])).body["errors"][0]["message"] == "PersistedQueryNotFound"


def test_document_by_hash_shares_the_operation_cache() -> None:
    executor = GraphQLExecutor(build_schema())
    run(executor, query="{ __typename }", **by_apq("{ __typename }"))
    cache_sizes = len(executor.cache.documents), len(executor.cache.operations)
    run(executor, **by_id("{ __typename }"))
    run(executor, query="{ __typename }")

    assert (len(executor.cache.documents), len(executor.cache.operations)) == cache_sizes == (1, 1)


@pytest.fixture
def frequent_thread_switches() -> Iterator[None]:
    """Switch threads so often that unguarded shared state breaks."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("frequent_thread_switches")
def test_persisted_queries_are_thread_safe() -> None:
    persisted = PersistedDocuments(OperationCache(build_schema()._schema), {}, allow_list_only=False)
    persisted.registered = LRUCache(5)
    documents = [f"{{ a{number}: __typename }}" for number in range(20)]
    errors: list[Exception] = []

    def work(offset: int) -> None:
        for number in range(8000):
            text = documents[(number * 7 + offset) % len(documents)]
            try:
                persisted.register(persisted.resolve(GraphQLRequest(text, document_hash=digest(text))))
                assert persisted.resolve(GraphQLRequest("", document_hash=digest(text))).query == text
            except PersistedQueryNotFound:
                continue
            except Exception as error:  # noqa: BLE001 - exceptions in threads must reach the test
                errors.append(error)

    threads = [Thread(target=work, args=(offset,)) for offset in (0, 5, 10, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(persisted.registered) == persisted.registered.currsize == 5


ALLOW_LISTED = [COUNT, CREATE, "query Me($yes: Boolean = true) { viewer { name @include(if: $yes) } }"]


def apollo_manifest(*documents: str) -> dict[str, Any]:
    operations = [
        {"id": digest(text), "name": text.split()[1].split("(")[0], "type": text.split()[0], "body": text} for text in documents
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def relay_map(*documents: str) -> dict[str, str]:
    return {digest(text): text for text in documents}


@pytest.fixture(scope="module", params=[apollo_manifest, relay_map], ids=["apollo", "relay"])
def strict_service(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that runs allow-listed documents only."""
    path = tmp_path_factory.mktemp("documents") / "manifest.json"
    path.write_text(json.dumps(request.param(*ALLOW_LISTED)))
    database = postgres.copy("template_todo")
    settings = settings_for(database, graphql_persisted_documents=path, graphql_persisted_documents_only=True)
    with run_service(settings, database) as running:
        yield running


@pytest.fixture(scope="module")
def strict_client(strict_service: RunningService) -> Iterator[GraphQLClient]:
    """A GraphQL client of `strict_service`. The account is registered over REST, which has no allow-list."""
    with GraphQLClient(strict_service.url, TestUser.register(strict_service.url).token) as client:
        yield client


def test_allow_listed_documents_run_by_hash_and_by_text(strict_client: GraphQLClient) -> None:
    for parameters in (by_apq(CREATE), by_id(CREATE), {"query": CREATE}, {"query": CREATE, **by_apq(CREATE)}):
        assert send(strict_client, "POST", parameters).json() == {"data": {"createTask": {"task": {"title": "x"}}}}
        assert send(strict_client, "GET", parameters).status_code == 405
    for method in ("GET", "POST"):
        for parameters in (by_apq(COUNT), by_id(COUNT), {"query": COUNT}, {"query": COUNT, **by_id(COUNT)}):
            assert send(strict_client, method, parameters).json() == {"data": {"tasks": {"totalCount": 4}}}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON, IOS, "*/*"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"query": "{ __typename }"},
        {"query": "{ __typename }", **by_apq("{ __typename }")},
        by_apq("{ __typename }"),
        by_id("{ __typename }"),
        {"query": f"{COUNT} "},
        {"query": f"{COUNT} {CREATE}", "operationName": "Count"},
        {"query": "{"},
        {"query": "mutation { deleteAccount { id } }"},
        {"query": "query IntrospectionQuery { __schema { queryType { name } } }"},
    ],
)
def test_documents_outside_the_allow_list_return_403(
    strict_client: GraphQLClient, method: str, parameters: dict[str, Any], accept: str
) -> None:
    response = send(strict_client, method, parameters, accept)

    assert response.status_code == 403
    assert response.json() == {
        "errors": [
            {
                "message": "Only allow-listed documents may be executed.",
                "extensions": {"code": "FORBIDDEN", "status": 403},
            }
        ]
    }


def test_automatic_persisted_queries_are_disabled_in_allow_list_only_mode(strict_client: GraphQLClient) -> None:
    document = new_document()
    for parameters in ({"query": document, **by_apq(document)}, by_apq(document)):
        assert send(strict_client, "POST", parameters).json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (
        send(strict_client, "POST", {"query": document, **by_apq(COUNT)}).json()["errors"][0]["extensions"]["code"]
        == "INVALID_INPUT"
    )


def test_allow_list_without_only_mode_restricts_nothing() -> None:
    executor = GraphQLExecutor(build_schema(), allow_list={digest("{ __typename }"): "{ __typename }"})

    assert run(executor, **by_id("{ __typename }")).executed
    assert run(executor, query="{ a: __typename }", **by_apq("{ a: __typename }")).executed
    assert run(executor, **by_apq("{ a: __typename }")).executed
    assert len(executor.documents.registered) == 1


def test_allow_listed_documents_are_never_evicted() -> None:
    executor = GraphQLExecutor(build_schema(), allow_list={digest("{ __typename }"): "{ __typename }"})
    for number in range(60):
        document = f"{{ a{number}: __typename }} #{'x' * 50_000}"
        run(executor, query=document, **by_apq(document))

    assert run(executor, **by_id("{ __typename }")).executed


INVALID_MANIFESTS = [
    ("missing file", None, "cannot be read: No such file or directory"),
    ("invalid JSON", b"{", "is not JSON: "),
    ("string", b'"x"', "is neither Apollo's manifest nor a map of hashes to documents"),
    ("list", b"[]", "is neither Apollo's manifest nor a map"),
    ("empty object", b"{}", "contains no documents"),
    ("no operations", json.dumps(apollo_manifest()).encode(), "contains no documents"),
    ("unknown format", b'{"format": "x", "version": 1}', "has the format 'x'; expected 'apollo-persisted-query-manifest'"),
    ("unknown version", json.dumps(apollo_manifest(COUNT) | {"version": 2}).encode(), "has the version 2; expected 1"),
    ("invalid operation", json.dumps(apollo_manifest() | {"operations": [5]}).encode(), "has no list of `operations`"),
    (
        "operation without text",
        json.dumps(apollo_manifest() | {"operations": [{"id": "x"}]}).encode(),
        "has no document text for 'x'",
    ),
    ("number instead of a document", json.dumps({digest(COUNT): 5}).encode(), "has no document text for '"),
    ("wrong hash", json.dumps({digest(CREATE): COUNT}).encode(), "has the hash '"),
    (
        "MD5 hash",
        json.dumps({"0" * 32: COUNT}).encode(),
        "has the hash '00000000000000000000000000000000', which is not the SHA-256",
    ),
    ("unknown field", json.dumps(relay_map("{ viewr { id } }")).encode(), "lists an invalid document, "),
    ("syntax error", json.dumps(relay_map("{")).encode(), "lists an invalid document, "),
]


@pytest.mark.parametrize(
    ("content", "message"), [case[1:] for case in INVALID_MANIFESTS], ids=[case[0] for case in INVALID_MANIFESTS]
)
def test_invalid_manifest_prevents_startup(database: PostgresServer, tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=re.escape(f"GRAPHQL_PERSISTED_DOCUMENTS {path} {message}".rstrip())) as error:
        create_app(settings_for(database, graphql_persisted_documents=path))
    assert "\n" not in str(error.value)


def test_manifest_validation_respects_disabled_introspection(database: PostgresServer, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(relay_map("{ __schema { description } }")))

    create_app(settings_for(database, graphql_persisted_documents=path))
    with pytest.raises(SettingsError, match="introspection has been disabled"):
        create_app(settings_for(database, graphql_persisted_documents=path, graphql_introspection=False))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_command_reports_an_invalid_manifest_in_one_line(tmp_path: Path, database: PostgresServer, workers: str) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({digest(CREATE): COUNT}))
    settings = {"DATABASE_URL": database.service, "JWT_SECRET": SECRET, "GRAPHQL_PERSISTED_DOCUMENTS": "manifest.json"}
    error = run_command(tmp_path, "serve", "--workers", workers, **settings)

    assert (error.returncode, error.stdout, error.stderr.count("\n")) == (1, "", 1)
    assert error.stderr.startswith("todo: cannot serve: GRAPHQL_PERSISTED_DOCUMENTS manifest.json has the hash ")


def test_resolving_a_request_without_hash_returns_it_unchanged() -> None:
    documents = PersistedDocuments(OperationCache(build_schema()._schema), {}, allow_list_only=False)
    request = GraphQLRequest("{ __typename }")

    assert documents.resolve(request) is request
