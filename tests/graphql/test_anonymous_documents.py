"""Documents of anonymous clients: what they may run, what validation and introspection cost, and how many run at a time."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query
from limits import RateLimitItemPerDay

from api.concurrency.limit import MAX_WAITING
from api.graphql.anonymous_threads import AnonymousThreads
from graphql_schema.context import GraphQLContext
from graphql_schema.cost.introspection import INTROSPECTION_FIELD_COST
from graphql_schema.documents.operation_cache import FREE_TOKENS, TOKEN_COST
from graphql_schema.documents.public_fields import PublicFields
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.documents.validation import MAX_ERRORS, MAX_ERRORS_WITH_SUGGESTIONS, DocumentValidator
from graphql_schema.execution import executor as executor_module
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.execution.result import OperationResult
from graphql_schema.schema import build_schema
from services.errors import RateLimited, Unauthenticated
from services.rate_limiting.client import NO_LIMITS, Client
from services.rate_limiting.limiter import RateLimiter
from tests.support.api_clients import GraphQLClient
from tests.support.isolation.permission_matrix import PUBLIC, ROOTS
from tests.support.service import RunningService
from tests.support.users import TestUser

OPTIONS = ("specified_by_url", "directive_is_repeatable", "schema_description", "input_value_deprecation", "one_of")
# Variants of the standard introspection query, as GraphiQL, Apollo and code generators send them.
STANDARD_QUERIES = [
    *(get_introspection_query(**dict.fromkeys(OPTIONS[:number], True)) for number in range(len(OPTIONS) + 1)),
    get_introspection_query(descriptions=False),
    get_introspection_query(experimental_directive_deprecation=True),
    get_introspection_query(type_depth=7),
    get_introspection_query().replace("query IntrospectionQuery", "query"),
]


def run(
    executor: GraphQLExecutor, document: str, variables: dict[str, Any] | None = None, limiter: RateLimiter = NO_LIMITS
) -> OperationResult:
    unused: Any = None
    context = GraphQLContext(
        Unauthenticated("Send a token."),
        Client("192.0.2.1", limiter=limiter),
        auth_service=unused,
        password_hasher=unused,
        deletion_worker=unused,
    )
    return executor.execute(GraphQLRequest(document, variables, include_cost=True), context)


def messages(result: OperationResult) -> list[str]:
    return [error["message"] for error in result.body["errors"]]


@pytest.fixture
def executor() -> GraphQLExecutor:
    return GraphQLExecutor(build_schema())


@pytest.fixture
def no_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a document is validated."""

    def fail(*_: object) -> None:
        raise AssertionError("the document was validated")

    monkeypatch.setattr(DocumentValidator, "validate", fail)


def test_schema_declares_exactly_the_public_fields_of_the_permission_matrix() -> None:
    declared = PublicFields(build_schema()._schema).names - {"__typename", "__schema", "__type"}

    # `logOut` with a refresh token needs no access token; the matrix declares the variant without one.
    assert declared - {"logOut"} == {name for fields in ROOTS.values() for name, spec in fields.items() if spec.scope is PUBLIC}


@pytest.mark.usefixtures("no_validation")
@pytest.mark.parametrize(
    "document",
    [
        "{ tasks { nodes { id } } }",
        "{ unknown }",
        "{ " + "a " * 4990 + "}",
        "{ ...F ... { tasks { totalCount } } } fragment F on Query { viewer { id } ...F }",
        "{ ...Missing }",
        "mutation { createTask(input: {title: 5}) { task { id } } }",
        "subscription { logs }",
        "{ viewer { __typename } }",
    ],
)
def test_document_without_public_fields_is_rejected_before_its_validation(executor: GraphQLExecutor, document: str) -> None:
    result = run(executor, document)

    assert (result.status, result.executed, messages(result)) == (401, False, ["Send a token."])
    assert result.headers["WWW-Authenticate"] == "Bearer"
    assert len(executor.cache.documents) == 0


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename tasks { totalCount } }",
        "{ ...F } fragment F on Query { ... { __schema { queryType { name } } } }",
        'mutation { logOut(input: {refreshToken: "x"}) { sessionId } createTask(input: {title: "x"}) { task { id } } }',
        "query A { tasks { totalCount } } query B { __typename }",
    ],
)
def test_document_with_a_public_field_is_validated(executor: GraphQLExecutor, document: str) -> None:
    run(executor, document)

    assert len(executor.cache.documents) == 1


def count_fields(value: object) -> int:
    if isinstance(value, dict):
        return sum(1 + count_fields(child) for child in value.values())
    return sum(map(count_fields, value)) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(),
        "{ __schema { types { name fields { args { type { name } } } } } }",
        '{ __type(name: "Task") { ...T } } fragment T on __Type { name fields { ... { type { ofType { name } } } } }',
        '{ a: __type(name: "TaskStatus") { enumValues { name } } b: __type(name: "Missing") { name } }',
        'query($name: String! = "Mutation") { __type(name: $name) { fields { name args { name @skip(if: true) } } } }',
        "{ __schema { types { possibleTypes { name } interfaces { name } enumValues(includeDeprecated: true) { name } } } }",
    ],
)
def test_introspection_costs_what_it_resolves(executor: GraphQLExecutor, document: str) -> None:
    body = orjson.loads(orjson.dumps(run(executor, document).body))

    assert "errors" not in body
    assert body["extensions"]["cost"]["requested"] == INTROSPECTION_FIELD_COST * count_fields(body["data"])


def test_introspection_above_the_cost_limit_is_rejected_before_it_is_executed() -> None:
    result = run(GraphQLExecutor(build_schema(), max_cost=10_000), get_introspection_query())

    assert not result.executed
    assert result.body["errors"][0]["extensions"]["cost"]["requested"] > 10_000


def test_counting_introspection_fields_takes_bounded_time(executor: GraphQLExecutor) -> None:
    aliases = " ".join(f"a{number}: name" for number in range(1600))
    document = f"{{ __schema {{ types {{ inputFields {{ type {{ inputFields {{ {aliases} }} }} }} }} }} }}"

    assert messages(run(executor, document)) == ["The introspection selects too many fields; select fewer, or nest fewer lists."]


@pytest.mark.parametrize("document", STANDARD_QUERIES)
def test_standard_introspection_is_executed_once(
    executor: GraphQLExecutor, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(executor, document)
    monkeypatch.setattr(executor_module, "execute_sync", None)
    second = run(executor, document)

    assert "errors" not in first.body
    assert orjson.loads(orjson.dumps(second.body)) == first.body
    assert second.executed


def test_operations_that_read_data_are_not_cached_as_introspection(executor: GraphQLExecutor) -> None:
    for _ in range(2):
        result = run(executor, "{ __schema { queryType { name } } tasks { totalCount } }")

        assert result.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_documents_with_many_errors_report_the_first_ones_without_suggestions(executor: GraphQLExecutor) -> None:
    many = messages(run(executor, "{ __typename " + " ".join(f"task{number}" for number in range(1000)) + " }"))
    few = messages(
        run(executor, "{ __typename " + " ".join(f"task{number}" for number in range(MAX_ERRORS_WITH_SUGGESTIONS)) + " }")
    )

    assert len(many) == MAX_ERRORS + 1
    assert "Did you mean" not in str(many)
    assert len(few) == MAX_ERRORS_WITH_SUGGESTIONS
    assert all("Did you mean" in message for message in few)


def test_long_names_get_no_suggestions(executor: GraphQLExecutor) -> None:
    long, short = (messages(run(executor, f"{{ __typename {'tasks' * repetitions} }}"))[0] for repetitions in (100, 1))

    assert "Did you mean" not in long
    assert "Did you mean" not in messages(run(executor, "{ __typename " + "a" * 90_000 + " }"))[0]
    assert short


def test_repeated_fields_are_compared_in_proportion_to_the_document(executor: GraphQLExecutor) -> None:
    """Comparing 400 equal fields pair by pair would take as long as validating a document of 5,000 tokens."""
    assert "too complex to validate" in messages(run(executor, "{ " + "__typename " * 400 + "}"))[0]
    assert "errors" not in run(executor, "{ " + "__typename " * 50 + "}").body


def test_variables_with_many_unknown_fields_take_bounded_time(executor: GraphQLExecutor) -> None:
    document = "query($f: TaskFilter) { __typename tasks(filter: $f) { totalCount } }"
    started = time.process_time()
    result = run(executor, document, {"f": {f"completed{number}": 1 for number in range(20_000)}})

    assert len(messages(result)) <= 60
    # Reporting all errors takes more than 10 s, and suggestions for all of them more.
    assert time.process_time() - started < 3


def test_validation_of_large_documents_is_charged_once_and_before_it_begins(executor: GraphQLExecutor) -> None:
    def limiter(cost: int) -> RateLimiter:
        return RateLimiter({"cost": RateLimitItemPerDay(cost)})

    def remaining(limiter: RateLimiter, document: str) -> int:
        run(executor, document, limiter=limiter)
        return limiter.consume(limiter.policies["cost"], "address:192.0.2.1", 0)[1].remaining

    fields = " ".join(f"a{number}: __typename" for number in range(200))
    large = f"query Large {{ {fields} }}"
    tokens = 4 + 3 * 200
    quota = limiter(1_000_000)
    assert remaining(quota, "{ __typename }") == 1_000_000 - 1
    assert remaining(quota, large) == 1_000_000 - 1 - (tokens - FREE_TOKENS) * TOKEN_COST - 200
    assert remaining(quota, large) == 1_000_000 - 1 - (tokens - FREE_TOKENS) * TOKEN_COST - 400
    exhausted = limiter(1_000_000)
    exhausted.consume(exhausted.policies["cost"], "address:192.0.2.1", 999_999)
    assert run(executor, f"{large} # not cached", limiter=exhausted).status == 429
    assert len(executor.cache.documents) == 2


def run_threads(threads: AnonymousThreads, networks: list[str], function: Callable[[], object]) -> list[object]:
    async def run_all() -> list[object]:
        return await asyncio.gather(*(threads.run(network, function) for network in networks), return_exceptions=True)

    return asyncio.run(run_all())


def test_documents_of_one_address_run_one_at_a_time() -> None:
    lock, overlaps = threading.Lock(), []

    def work() -> None:
        overlaps.append(not lock.acquire(blocking=False))
        time.sleep(0.01)
        lock.release()

    assert run_threads(AnonymousThreads(4), ["a"] * 5, work) == [None] * 5
    assert overlaps == [False] * 5


def test_documents_of_other_addresses_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=10)

    results = run_threads(AnonymousThreads(2), ["a", "b"], barrier.wait)

    assert not [result for result in results if isinstance(result, Exception)]


def test_documents_of_one_address_above_the_queue_are_rejected() -> None:
    threads = AnonymousThreads(1)
    results = run_threads(threads, ["a"] * (MAX_WAITING + 6) + ["b"], lambda: time.sleep(0.001))

    rejected = [result for result in results if isinstance(result, RateLimited)]
    assert (len(rejected), results[-1]) == (5, None)
    assert rejected[0].headers == {"Retry-After": "1"}
    assert not threads._limit._queues


def test_only_documents_without_a_valid_token_run_in_the_anonymous_threads(
    service: RunningService, user: TestUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = []

    async def reject(_: AnonymousThreads, network: str, __: Callable[[], object]) -> None:
        networks.append(network)
        raise RateLimited("1 document", 3)

    monkeypatch.setattr(AnonymousThreads, "run", reject)
    responses = []
    for token in (None, "invalid", user.token):
        with GraphQLClient(service.url, token) as client:
            responses.append(client.http.post("/graphql", json={"query": "{ __typename }"}))

    assert [response.status_code for response in responses] == [429, 429, 200]
    assert [response.headers.get("Retry-After") for response in responses] == ["3", "3", None]
    assert networks == ["address:127.0.0.1"] * 2
