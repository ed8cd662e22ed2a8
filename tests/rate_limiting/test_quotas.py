"""Quotas of users and of client addresses, which the REST API and the GraphQL API share."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from services.rate_limiting.limiter import GLOBAL_MULTIPLIER
from tests.support.api_clients import TLS, ApiClient, ApiError, GraphQLClient, RestClient
from tests.support.service import SECRET, LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import PASSWORD, TestUser, sign_token

REQUESTS, ANONYMOUS, LOGINS, ON_ACCOUNT = 12, 20, 6, 3
COST = 4_000_000
PERIOD, SECONDS = "day", 86_400  # long, so that no fixed window ends during a test
ITEM = re.compile(r'"([a-z-]+)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"([a-z-]+)";q=(\d+);w=(\d+)')
_numbers = count(1)


@pytest.fixture(scope="module")
def limited(postgres: PostgresServer) -> Iterator[RunningService]:
    """A service with small quotas. Each test brings its own users, and addresses as a proxy would tell them."""
    database = postgres.copy("template_todo")
    settings = settings_for(
        database,
        rate_limit_requests=f"{REQUESTS}/{PERIOD}",
        rate_limit_cost=f"{COST}/{PERIOD}",
        rate_limit_anonymous=f"{ANONYMOUS}/{PERIOD}",
        rate_limit_auth_per_address=f"{LOGINS}/{PERIOD}",
        rate_limit_auth_per_account=f"{ON_ACCOUNT}/{PERIOD}",
    )
    with run_service(settings, database) as running:
        yield running


def new_address() -> str:
    """Return an address that nobody came from before."""
    number = next(_numbers)
    return f"198.51.{number // 256}.{number % 256}"


@pytest.fixture
def address() -> str:
    """The address of the test."""
    return new_address()


def new_user() -> TestUser:
    """Return somebody known by another issuer, who has not asked for anything yet."""
    user_id = f"user {next(_numbers)}"
    return TestUser(user_id, "", sign_token({"sub": user_id}, SECRET))


@pytest.fixture
def user() -> TestUser:
    """The user of the test."""
    return new_user()


Come = Callable[..., ApiClient]


@pytest.fixture(params=[RestClient, GraphQLClient], ids=["rest", "graphql"])
def come(request: pytest.FixtureRequest, limited: RunningService, address: str) -> Iterator[Come]:
    """Come to one client, then to the other: the test runs through both."""
    opened: list[ApiClient] = []

    def come_to(token: str | None = None, at: str = address) -> ApiClient:
        client: ApiClient = request.param(limited.url, token)
        client.http.headers["X-Forwarded-For"] = at
        opened.append(client)
        return client

    yield come_to
    for client in opened:
        client.close()


def refused(do: Callable[[], object]) -> str:
    """Do it, and return what is said of it."""
    with pytest.raises(ApiError) as caught:
        do()
    assert (caught.value.code, caught.value.status) == ("RATE_LIMITED", 429)
    return caught.value.detail


def left(answer: httpx.Response) -> dict[str, int]:
    """Return what is left by policy, from headers that are well-formed and agree with each other."""
    policies = [POLICY.fullmatch(item) for item in answer.headers["ratelimit-policy"].split(", ")]
    assert all(policies), answer.headers["ratelimit-policy"]
    quotas = {found[1]: (int(found[2]), int(found[3])) for found in policies if found}
    remaining = {}
    for item in answer.headers["ratelimit"].split(", "):
        found = ITEM.fullmatch(item)
        assert found, item
        name, remainder, seconds = found[1], int(found[2]), int(found[3])
        assert remainder <= quotas[name][0]
        assert seconds <= quotas[name][1]
        remaining[name] = remainder
    return remaining


def titles(service: RunningService, user: TestUser) -> set[object]:
    """Look past the service, which does not let the user look any more."""
    return {row[0] for row in service.database.execute("SELECT title FROM task WHERE user_id = %s", user.id)}


def test_requests_above_the_user_quota_are_rejected(come: Come, user: TestUser) -> None:
    client = come(user.token)
    for _ in range(REQUESTS):
        client.page("task")

    assert refused(lambda: client.page("task")).startswith(
        f"Rate limit exceeded ({REQUESTS} requests in {SECONDS} seconds); retry in "
    )


def test_both_apis_share_the_user_quota(limited: RunningService, user: TestUser) -> None:
    with RestClient(limited.url, user.token) as rest, GraphQLClient(limited.url, user.token) as graphql_client:
        for _ in range(REQUESTS // 2):
            rest.page("task")
            graphql_client.page("task")
        refused(lambda: rest.page("task"))
        refused(lambda: graphql_client.page("task"))


def test_another_user_at_the_same_address_has_another_quota(come: Come, user: TestUser) -> None:
    client, other = come(user.token), come(new_user().token)
    for _ in range(REQUESTS):
        client.page("task")
    refused(lambda: client.page("task"))

    assert other.page("task") == []


def test_all_tokens_and_addresses_of_a_user_share_the_quota(come: Come, user: TestUser) -> None:
    client = come(user.token)
    program = come(str(client.make_api_token(name="x", scopes=["tasks:read"])["token"]), at=new_address())
    for _ in range(REQUESTS - 1):
        program.page("task")

    refused(lambda: program.page("task"))
    refused(lambda: client.page("task"))


def test_rejected_request_writes_nothing(come: Come, limited: RunningService, user: TestUser) -> None:
    client = come(user.token)
    for _ in range(REQUESTS - 1):
        client.page("task")
    client.create("task", title="the last one")
    refused(lambda: client.create("task", title="one too many"))

    assert titles(limited, user) == {"the last one"}


def test_quota_counts_each_transaction(come: Come, limited: RunningService) -> None:
    """A new password is two: the current one is looked up and checked first, then the new one is stored."""
    client = come(None)
    ada = client.register(email=f"{next(_numbers)}@example.com", password=PASSWORD)
    client.http.headers["Authorization"] = f"Bearer {ada['access_token']}"
    for _ in range(REQUESTS - 1):
        client.me()
    stored = limited.database.execute('SELECT password_hash FROM "user" WHERE id = %s', ada["user"]["id"])

    refused(lambda: client.change_me(password="another password", current_password=PASSWORD))

    assert limited.database.execute('SELECT password_hash FROM "user" WHERE id = %s', ada["user"]["id"]) == stored


MALFORMED: dict[str, dict[str, Any]] = {
    "no JSON": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "another media type": {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "not what is asked for": {"json": {"titel": "x"}},
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/api/me/tasks", "/graphql"])
def test_malformed_requests_consume_the_quota(limited: RunningService, user: TestUser, path: str, sent: dict[str, Any]) -> None:
    with RestClient(limited.url, user.token) as client:
        first = client.http.post(path, **sent)
        assert first.status_code in {400, 415, 422}
        assert left(first) == {"requests": REQUESTS - 1}
        for _ in range(REQUESTS - 1):
            client.http.post(path, **sent)

        assert client.http.post(path, **sent).status_code == 429
        refused(lambda: client.page("task"))


def mutation(titles: list[str]) -> dict[str, Any]:
    fields = " ".join(
        f'a{place}: createTask(input: {{title: "{title}"}}) {{ task {{ id }} }}' for place, title in enumerate(titles)
    )
    return {"query": f"mutation {{ {fields} }}"}


@pytest.fixture
def graphql_client(limited: RunningService, user: TestUser, address: str) -> Iterator[GraphQLClient]:
    """The user at the GraphQL client."""
    with GraphQLClient(limited.url, user.token) as client:
        client.http.headers["X-Forwarded-For"] = address
        yield client


def test_mutation_consumes_one_per_field_and_is_rejected_as_a_whole(
    limited: RunningService, graphql_client: GraphQLClient, user: TestUser
) -> None:
    kept = [f"kept {number}" for number in range(REQUESTS - 3)]
    first = graphql_client.http.post("/graphql", json=mutation(kept))
    assert left(first)["requests"] == 3
    second = graphql_client.http.post("/graphql", json=mutation(["refused"] * 4))

    assert second.status_code == 429
    assert "data" not in second.json()
    assert titles(limited, user) == set(kept)


def test_merged_and_skipped_fields_count_as_executed(graphql_client: GraphQLClient) -> None:
    def create(key: str, directive: str = "") -> str:
        return f'{key}: createTask(input: {{title: "x"}}) {directive} {{ task {{ id }} }}'

    selected = f"{create('a')} ...F ... {{ {create('a')} }} {create('b', '@skip(if: true)')}"
    document = f"mutation {{ {selected} }} fragment F on Mutation {{ {create('a')} {create('c')} }}"

    answer = graphql_client.http.post("/graphql", json={"query": document})

    assert list(answer.json()["data"]) == ["a", "c"]
    assert left(answer)["requests"] == REQUESTS - 2


def test_request_larger_than_quota_returns_query_too_complex(graphql_client: GraphQLClient) -> None:
    (error,) = graphql_client.post(mutation(["x"] * (REQUESTS + 1)))["errors"]

    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    allowed = f"{REQUESTS} requests in {SECONDS} seconds"
    assert error["message"] == f"The request needs {REQUESTS + 1}, more than the quota allows ({allowed}); split it."


def test_operation_consumes_its_cost(graphql_client: GraphQLClient) -> None:
    page = "{ tasks(first: 500) { nodes { id title status priority } } }"
    answers = [
        graphql_client.http.post("/graphql", json={"query": page}),
        graphql_client.http.get("/graphql", params={"query": page}),
    ]
    cost = COST - left(answers[0])["cost"]

    assert cost > 500
    assert [left(answer) for answer in answers] == [
        {"requests": REQUESTS - number, "cost": COST - number * cost} for number in (1, 2)
    ]


def costly(first: int) -> dict[str, Any]:
    return {"query": f"{{ lists(first: 500) {{ nodes {{ tasks(first: {first}) {{ nodes {{ id title status }} }} }} }} }}"}


def test_operation_above_the_cost_quota_is_rejected_and_a_cheaper_one_served(graphql_client: GraphQLClient) -> None:
    for _ in range(COST // 990_000):
        assert graphql_client.http.post("/graphql", json=costly(490)).status_code == 200
    over = graphql_client.http.post("/graphql", json=costly(490))

    assert over.status_code == 429
    assert over.json()["errors"][0]["message"].startswith(
        f"Rate limit exceeded ({COST} units of GraphQL cost in {SECONDS} seconds)"
    )
    assert left(over)["cost"] > 0
    assert graphql_client.page("task") == []


def test_anonymous_requests_above_the_address_quota_are_rejected(come: Come) -> None:
    client = come()
    for _ in range(ANONYMOUS):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            client.page("task")

    assert "requests without a valid token from one address" in refused(lambda: client.page("task"))


def test_invalid_tokens_count_against_the_address_only(come: Come, user: TestUser) -> None:
    client, other = come("x.y.z"), come(user.token)
    for _ in range(ANONYMOUS):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            client.page("task")
    refused(lambda: client.page("task"))

    assert other.page("task") == []


def test_both_apis_share_the_anonymous_quota_of_an_address(limited: RunningService, address: str) -> None:
    with RestClient(limited.url, None) as rest, GraphQLClient(limited.url, None) as graphql_client:
        for client in (rest, graphql_client):
            client.http.headers["X-Forwarded-For"] = address
        for _ in range(ANONYMOUS // 2):
            rest.http.get("/api/me/tasks")
            graphql_client.http.post("/graphql", json={"query": "{ __typename }"})
        assert rest.http.get("/api/me/tasks").status_code == 429
        assert graphql_client.http.post("/graphql", json={"query": "{ __typename }"}).status_code == 429

        elsewhere = rest.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()})
        assert left(elsewhere) == {"anonymous": ANONYMOUS - 1}


def test_addresses_of_one_ipv6_network_share_a_quota(come: Come) -> None:
    prefix = f"2001:db8:{next(_numbers):x}:1"
    for number in range(ANONYMOUS):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            come(at=f"{prefix}::{number:x}").page("task")

    refused(lambda: come(at=f"{prefix}:ffff::1").page("task"))
    with pytest.raises(ApiError, match="UNAUTHENTICATED"):
        come(at=f"2001:db8:{next(_numbers):x}:2::1").page("task")


def test_x_forwarded_for_from_untrusted_peer_is_ignored(database: PostgresServer) -> None:
    settings = settings_for(database, rate_limit_anonymous="3/day", forwarded_allow_ips="10.0.0.1")
    with run_service(settings, database) as service, RestClient(service.url, None) as client:
        statuses = [client.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()}).status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_unknown_api_token_above_the_anonymous_quota_sends_no_sql(come: Come, log: LogCapture) -> None:
    for number in range(ANONYMOUS):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            come(f"todo_api_{number}").page("task")
    log.captured.clear()

    refused(lambda: come("todo_api_another").page("task"))

    assert [line["sql_statements"] for line in log.lines(requests=1)] == [0]


def test_register_login_and_refresh_share_a_quota_per_address(come: Come) -> None:
    client = come()
    for number in range(LOGINS):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            client.log_in(f"nobody.{number}@example.com", "wrong wrong")

    for attempt in (
        lambda: client.log_in("nobody@example.com", "wrong wrong"),
        lambda: client.register(email=f"new.{next(_numbers)}@example.com", password=PASSWORD),
        lambda: client.refresh("todo_refresh_a.b"),
    ):
        assert "attempts to register, log in or refresh" in refused(attempt)


def test_each_alias_is_an_attempt_and_too_many_are_rejected_as_a_whole(limited: RunningService, address: str) -> None:
    emails = [f"new.{next(_numbers)}@example.com" for _ in range(LOGINS)]
    fields = [
        f'a{n}: register(input: {{email: "{email}", password: "{PASSWORD}"}}) {{ expiresIn }}' for n, email in enumerate(emails)
    ]
    with GraphQLClient(limited.url, None) as client:
        client.http.headers["X-Forwarded-For"] = address
        assert left(client.http.post("/graphql", json={"query": f"mutation {{ {fields[0]} }}"}))["auth-address"] == LOGINS - 1
        answer = client.http.post("/graphql", json={"query": f"mutation {{ {' '.join(fields)} }}"})

    assert answer.status_code == 429
    assert "data" not in answer.json()
    known = limited.database.execute('SELECT email FROM "user" WHERE email = ANY(%s)', emails)
    assert known == [(emails[0],)]


def test_login_limit_is_per_address(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for number in range(ON_ACCOUNT):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            come().log_in(email.upper() if number else email, "wrong wrong")
    for _ in range(2):
        assert "attempts on one account from one address" in refused(lambda: come().log_in(email, PASSWORD))

    assert come(at=new_address()).log_in(email, PASSWORD)["access_token"]
    assert "attempts on one account from one address" in refused(lambda: come().log_in(email, PASSWORD))


def test_login_attempts_from_all_addresses_are_limited(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for number in range(GLOBAL_MULTIPLIER * ON_ACCOUNT):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            come(at=new_address()).log_in(email.upper() if number else email, "wrong wrong")

    assert "attempts on one account in" in refused(lambda: come(at=new_address()).log_in(email, PASSWORD))


def test_repeated_registration_is_limited_and_does_not_block_login(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come().register(email=email, password=PASSWORD)
    for _ in range(ON_ACCOUNT - 1):
        with pytest.raises(ApiError, match="EMAIL_TAKEN"):
            come().register(email=email.upper(), password=PASSWORD)

    assert "attempts on one account" in refused(lambda: come().register(email=email, password=PASSWORD))
    assert come().log_in(email, PASSWORD)["access_token"]


def test_rejected_attempts_do_not_consume_the_global_quota(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for address in [new_address() for _ in range(GLOBAL_MULTIPLIER - 1)]:
        for number in range(LOGINS):
            with pytest.raises(ApiError, match="UNAUTHENTICATED" if number < ON_ACCOUNT else "RATE_LIMITED"):
                come(at=address).log_in(email, "wrong wrong")

    assert come(at=new_address()).log_in(email, PASSWORD)["access_token"]


def test_current_password_attempts_are_limited(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = come(at=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for number in range(ON_ACCOUNT):
        with pytest.raises(ApiError, match="INVALID_INPUT"):
            come(token).change_me(password="taken over", current_password=f"guess {number}")

    right = {"password": "taken over", "current_password": PASSWORD}
    assert "attempts on one account" in refused(lambda: come(token).change_me(**right))
    assert come(token).change_me(name="Ada")["name"] == "Ada"
    assert come(token, at=new_address()).change_me(password="out of reach", current_password=PASSWORD)


def test_login_limit_does_not_block_password_change(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = come(at=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for _ in range(ON_ACCOUNT):
        with pytest.raises(ApiError, match="UNAUTHENTICATED"):
            come().log_in(email, "wrong wrong")

    assert come(token).change_me(password="out of reach", current_password=PASSWORD)


def test_email_change_attempts_share_the_quota_per_address(come: Come) -> None:
    registered = [come(at=new_address()).register(email=f"ada.{next(_numbers)}@example.com", password=PASSWORD) for _ in range(3)]
    taken = {"email": registered[0]["user"]["email"], "current_password": PASSWORD}
    asked = [come(admission["access_token"]) for admission in registered[1:] for _ in range(ON_ACCOUNT)]
    assert len(asked) == LOGINS
    for client in asked:
        with pytest.raises(ApiError, match="EMAIL_TAKEN"):
            client.change_me(**taken)

    assert "from one address" in refused(lambda: come(registered[0]["access_token"]).change_me(**taken))


def test_successful_login_resets_the_attempts(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for _ in range(2):
        for _ in range(ON_ACCOUNT - 1):
            with pytest.raises(ApiError, match="UNAUTHENTICATED"):
                come().log_in(email, "wrong wrong")
        assert come().log_in(email, PASSWORD)["access_token"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_graphql_rejection_has_retry_after_and_headers(graphql_client: GraphQLClient, method: str, accept: str) -> None:
    for _ in range(REQUESTS):
        graphql_client.page("task")
    sent: dict[str, Any] = (
        {"params": {"query": "{ viewer { id } }"}} if method == "GET" else {"json": {"query": "{ viewer { id } }"}}
    )

    answer = graphql_client.http.request(method, "/graphql", headers={"Accept": accept}, **sent)

    seconds = int(answer.headers["retry-after"])
    assert answer.status_code == 429
    assert 1 <= seconds <= 2 * SECONDS
    assert answer.headers["content-type"].startswith(accept)
    (error,) = answer.json()["errors"]
    assert error == {
        "message": f"Rate limit exceeded ({REQUESTS} requests in {SECONDS} seconds); retry in {seconds} s.",
        "extensions": {"code": "RATE_LIMITED", "status": 429, "retryAfter": seconds},
    }
    assert answer.json().keys() == {"errors"}
    assert left(answer) == {"requests": 0}


def test_rest_rejection_is_a_problem_with_retry_after_and_headers(limited: RunningService, user: TestUser) -> None:
    with RestClient(limited.url, user.token) as client:
        for _ in range(REQUESTS):
            client.page("task")
        answer = client.http.get("/api/me/tasks", headers={"Origin": "http://localhost:3000"})

    problem = answer.json()
    assert (answer.status_code, problem["error_code"], problem["type"]) == (429, "RATE_LIMITED", "urn:todo:problem:rate-limited")
    assert int(answer.headers["retry-after"]) == problem["retry_after"]
    assert left(answer) == {"requests": 0}
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))


ANYTHING: dict[str, tuple[str, str, dict[str, Any]]] = {
    "health": ("GET", "/health", {}),
    "ready": ("GET", "/ready", {}),
    "about": ("GET", "/", {}),
    "docs": ("GET", "/docs", {}),
    "a file": ("GET", "/docs/files/favicon.png", {}),
    "openapi": ("GET", "/openapi.json", {}),
    "explorer": ("GET", "/graphql", {"headers": {"Accept": "text/html"}}),
    "nothing there": ("GET", "/nothing", {}),
    "another method": ("DELETE", "/health", {}),
    "too large": ("POST", "/api/me/tasks", {"content": b" " * 2_000_000}),
    "preflight": (
        "OPTIONS",
        "/api/me/tasks",
        {"headers": {"Origin": "http://localhost:1", "Access-Control-Request-Method": "POST"}},
    ),
}


@pytest.mark.parametrize(("method", "path", "sent"), ANYTHING.values(), ids=ANYTHING)
def test_uncounted_responses_have_rate_limit_headers(
    limited: RunningService, address: str, method: str, path: str, sent: dict[str, Any]
) -> None:
    with httpx.Client(base_url=limited.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        http.get("/api/me/tasks")
        answers = [http.request(method, path, **sent) for _ in range(3)]

    assert [left(answer) for answer in answers] == [{"anonymous": ANONYMOUS - 1}] * 3


def test_health_is_never_rejected(limited: RunningService, address: str) -> None:
    with httpx.Client(base_url=limited.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        for _ in range(ANONYMOUS):
            http.get("/api/me/tasks")
        assert http.get("/api/me/tasks").status_code == 429

        for path in ("/health", "/ready", "/"):
            answer = http.get(path)
            assert (answer.status_code, left(answer)) == (200, {"anonymous": 0})


def test_disabled_policy_is_not_counted_or_reported(service: RunningService, user: TestUser) -> None:
    with RestClient(service.url, user.token) as client:
        for answer in (client.send("GET", "/api/me/tasks"), client.http.get("/health")):
            assert not {"ratelimit", "ratelimit-policy"} & answer.headers.keys()


@contextmanager
def counting(database: PostgresServer, **limits: str) -> Iterator[Callable[[], httpx.Response]]:
    """Serve with these limits, and return how to ask for one thing."""
    user = new_user()
    with run_service(settings_for(database, **limits), database) as service, RestClient(service.url, user.token) as client:
        yield lambda: client.http.get("/api/me/tasks")


def test_retry_after_is_sufficient(database: PostgresServer) -> None:
    with counting(database, rate_limit_requests="2/second") as ask:
        for _ in range(3):
            rejected = next(answer for answer in iter(ask, None) if answer.status_code == 429)
            time.sleep(int(rejected.headers["retry-after"]))

            assert ask().status_code == 200


def test_each_policy_can_be_disabled_alone(database: PostgresServer) -> None:
    with counting(database, rate_limit_cost="20000000/hour") as ask:
        answer = ask()

    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"] == '"cost";q=20000000;w=3600'
    assert "ratelimit" not in answer.headers
