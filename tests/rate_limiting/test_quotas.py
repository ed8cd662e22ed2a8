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
from tests.support.api_clients import TLS, ApiClient, GraphQLClient, RestClient, expect_error
from tests.support.service import SECRET, LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import PASSWORD, TestUser, sign_token

REQUESTS, ANONYMOUS, LOGINS, ON_ACCOUNT = 12, 20, 6, 3
COST = 4_000_000
PERIOD, SECONDS = "day", 86_400  # long, so that no fixed window ends during a test
ITEM = re.compile(r'"([a-z-]+)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"([a-z-]+)";q=(\d+);w=(\d+)')
_numbers = count(1)


@pytest.fixture(scope="module")
def limited_service(postgres: PostgresServer) -> Iterator[RunningService]:
    """A service with small quotas; each test uses its own users, and sends its own addresses in X-Forwarded-For."""
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
    """Return an address that has sent no request yet."""
    number = next(_numbers)
    return f"198.51.{number // 256}.{number % 256}"


@pytest.fixture
def address() -> str:
    """The address of the test."""
    return new_address()


def new_user() -> TestUser:
    """Return a user of an external issuer who has sent no request yet."""
    user_id = f"user {next(_numbers)}"
    return TestUser(user_id, "", sign_token({"sub": user_id}, SECRET))


@pytest.fixture
def user() -> TestUser:
    """The user of the test."""
    return new_user()


LimitedClientFactory = Callable[..., ApiClient]


@pytest.fixture(params=[RestClient, GraphQLClient], ids=["rest", "graphql"])
def make_client(request: pytest.FixtureRequest, limited_service: RunningService, address: str) -> Iterator[LimitedClientFactory]:
    """A function that creates a client for a token and an address; the test runs once over REST, once over GraphQL."""
    opened: list[ApiClient] = []

    def create_client(token: str | None = None, address: str = address) -> ApiClient:
        client: ApiClient = request.param(limited_service.url, token)
        client.http.headers["X-Forwarded-For"] = address
        opened.append(client)
        return client

    yield create_client
    for client in opened:
        client.close()


def remaining_quotas(response: httpx.Response) -> dict[str, int]:
    """Return the remaining quota of each policy; check that the headers are well-formed and agree with each other."""
    policies = [POLICY.fullmatch(item) for item in response.headers["ratelimit-policy"].split(", ")]
    assert all(policies), response.headers["ratelimit-policy"]
    quotas = {policy[1]: (int(policy[2]), int(policy[3])) for policy in policies if policy}
    remaining_by_policy = {}
    for item in response.headers["ratelimit"].split(", "):
        match = ITEM.fullmatch(item)
        assert match, item
        name, remaining, seconds = match[1], int(match[2]), int(match[3])
        assert remaining <= quotas[name][0]
        assert seconds <= quotas[name][1]
        remaining_by_policy[name] = remaining
    return remaining_by_policy


def stored_titles(service: RunningService, user: TestUser) -> set[object]:
    """Return the titles of the user's tasks from the database; the service rejects the user's requests by then."""
    return {row[0] for row in service.database.execute("SELECT title FROM task WHERE user_id = %s", user.id)}


def test_requests_above_the_user_quota_are_rejected(make_client: LimitedClientFactory, user: TestUser) -> None:
    client = make_client(user.token)
    for _ in range(REQUESTS):
        client.page("task")

    with expect_error("RATE_LIMITED") as error:
        client.page("task")
    assert f"{REQUESTS} requests in {SECONDS} seconds" in error.value.detail


def test_both_apis_share_the_user_quota(limited_service: RunningService, user: TestUser) -> None:
    with (
        RestClient(limited_service.url, user.token) as rest_client,
        GraphQLClient(limited_service.url, user.token) as graphql_client,
    ):
        for _ in range(REQUESTS // 2):
            rest_client.page("task")
            graphql_client.page("task")
        with expect_error("RATE_LIMITED"):
            rest_client.page("task")
        with expect_error("RATE_LIMITED"):
            graphql_client.page("task")


def test_another_user_at_the_same_address_has_another_quota(make_client: LimitedClientFactory, user: TestUser) -> None:
    client, other_client = make_client(user.token), make_client(new_user().token)
    for _ in range(REQUESTS):
        client.page("task")
    with expect_error("RATE_LIMITED"):
        client.page("task")

    assert other_client.page("task") == []


def test_all_tokens_and_addresses_of_a_user_share_the_quota(make_client: LimitedClientFactory, user: TestUser) -> None:
    client = make_client(user.token)
    api_token_client = make_client(str(client.make_api_token(name="x", scopes=["tasks:read"])["token"]), address=new_address())
    for _ in range(REQUESTS - 1):
        api_token_client.page("task")

    with expect_error("RATE_LIMITED"):
        api_token_client.page("task")
    with expect_error("RATE_LIMITED"):
        client.page("task")


def test_rejected_request_writes_nothing(
    make_client: LimitedClientFactory, limited_service: RunningService, user: TestUser
) -> None:
    client = make_client(user.token)
    for _ in range(REQUESTS - 1):
        client.page("task")
    client.create("task", title="within the quota")
    with expect_error("RATE_LIMITED"):
        client.create("task", title="above the quota")

    assert stored_titles(limited_service, user) == {"within the quota"}


def test_quota_counts_each_transaction(make_client: LimitedClientFactory, limited_service: RunningService) -> None:
    """Changing a password counts twice: one transaction reads and checks the current one, another stores the new one."""
    client = make_client(None)
    registered = client.register(email=f"{next(_numbers)}@example.com", password=PASSWORD)
    client.http.headers["Authorization"] = f"Bearer {registered['access_token']}"
    for _ in range(REQUESTS - 1):
        client.me()
    select_hash = 'SELECT password_hash FROM "user" WHERE id = %s'
    password_hash = limited_service.database.execute(select_hash, registered["user"]["id"])

    with expect_error("RATE_LIMITED"):
        client.change_me(password="another password", current_password=PASSWORD)

    assert limited_service.database.execute(select_hash, registered["user"]["id"]) == password_hash


MALFORMED: dict[str, dict[str, Any]] = {
    "invalid JSON": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "unsupported media type": {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "invalid input": {"json": {"titel": "x"}},
}


@pytest.mark.parametrize("options", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/api/me/tasks", "/graphql"])
def test_malformed_requests_consume_the_quota(
    limited_service: RunningService, user: TestUser, path: str, options: dict[str, Any]
) -> None:
    with RestClient(limited_service.url, user.token) as client:
        first = client.http.post(path, **options)
        assert first.status_code in {400, 415, 422}
        assert remaining_quotas(first) == {"requests": REQUESTS - 1}
        for _ in range(REQUESTS - 1):
            client.http.post(path, **options)

        assert client.http.post(path, **options).status_code == 429
        with expect_error("RATE_LIMITED"):
            client.page("task")


def mutation(titles: list[str]) -> dict[str, Any]:
    fields = " ".join(
        f'a{index}: createTask(input: {{title: "{title}"}}) {{ task {{ id }} }}' for index, title in enumerate(titles)
    )
    return {"query": f"mutation {{ {fields} }}"}


@pytest.fixture
def graphql_client(limited_service: RunningService, user: TestUser, address: str) -> Iterator[GraphQLClient]:
    """A GraphQL client of the user at the address of the test."""
    with GraphQLClient(limited_service.url, user.token) as client:
        client.http.headers["X-Forwarded-For"] = address
        yield client


def test_mutation_consumes_one_per_field_and_is_rejected_as_a_whole(
    limited_service: RunningService, graphql_client: GraphQLClient, user: TestUser
) -> None:
    titles = [f"within the quota {number}" for number in range(REQUESTS - 3)]
    first = graphql_client.http.post("/graphql", json=mutation(titles))
    assert remaining_quotas(first)["requests"] == 3
    second = graphql_client.http.post("/graphql", json=mutation(["above the quota"] * 4))

    assert second.status_code == 429
    assert "data" not in second.json()
    assert stored_titles(limited_service, user) == set(titles)


def test_merged_and_skipped_fields_count_as_executed(graphql_client: GraphQLClient) -> None:
    def create(key: str, directive: str = "") -> str:
        return f'{key}: createTask(input: {{title: "x"}}) {directive} {{ task {{ id }} }}'

    selected = f"{create('a')} ...F ... {{ {create('a')} }} {create('b', '@skip(if: true)')}"
    document = f"mutation {{ {selected} }} fragment F on Mutation {{ {create('a')} {create('c')} }}"

    response = graphql_client.http.post("/graphql", json={"query": document})

    assert list(response.json()["data"]) == ["a", "c"]
    assert remaining_quotas(response)["requests"] == REQUESTS - 2


def test_request_larger_than_quota_returns_query_too_complex(graphql_client: GraphQLClient) -> None:
    (error,) = graphql_client.post(mutation(["x"] * (REQUESTS + 1)))["errors"]

    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    allowed = f"{REQUESTS} requests in {SECONDS} seconds"
    assert f"The request needs {REQUESTS + 1}, more than the quota allows ({allowed})" in error["message"]


def test_operation_consumes_its_cost(graphql_client: GraphQLClient) -> None:
    page = "{ tasks(first: 500) { nodes { id title status priority } } }"
    responses = [
        graphql_client.http.post("/graphql", json={"query": page}),
        graphql_client.http.get("/graphql", params={"query": page}),
    ]
    cost = COST - remaining_quotas(responses[0])["cost"]

    assert cost > 500
    assert [remaining_quotas(response) for response in responses] == [
        {"requests": REQUESTS - number, "cost": COST - number * cost} for number in (1, 2)
    ]


def costly(first: int) -> dict[str, Any]:
    return {"query": f"{{ lists(first: 500) {{ nodes {{ tasks(first: {first}) {{ nodes {{ id title status }} }} }} }} }}"}


def test_operation_above_the_cost_quota_is_rejected_and_a_cheaper_one_served(graphql_client: GraphQLClient) -> None:
    for _ in range(COST // 990_000):
        assert graphql_client.http.post("/graphql", json=costly(490)).status_code == 200
    rejected = graphql_client.http.post("/graphql", json=costly(490))

    assert rejected.status_code == 429
    assert f"{COST} units of GraphQL cost in {SECONDS} seconds" in rejected.json()["errors"][0]["message"]
    assert remaining_quotas(rejected)["cost"] > 0
    assert graphql_client.page("task") == []


def test_anonymous_requests_above_the_address_quota_are_rejected(make_client: LimitedClientFactory) -> None:
    client = make_client()
    for _ in range(ANONYMOUS):
        with expect_error("UNAUTHENTICATED"):
            client.page("task")

    with expect_error("RATE_LIMITED") as error:
        client.page("task")
    assert "requests without a valid token from one address" in error.value.detail


def test_invalid_tokens_count_against_the_address_only(make_client: LimitedClientFactory, user: TestUser) -> None:
    client, other_client = make_client("x.y.z"), make_client(user.token)
    for _ in range(ANONYMOUS):
        with expect_error("UNAUTHENTICATED"):
            client.page("task")
    with expect_error("RATE_LIMITED"):
        client.page("task")

    assert other_client.page("task") == []


def test_both_apis_share_the_anonymous_quota_of_an_address(limited_service: RunningService, address: str) -> None:
    with RestClient(limited_service.url, None) as rest_client, GraphQLClient(limited_service.url, None) as graphql_client:
        for client in (rest_client, graphql_client):
            client.http.headers["X-Forwarded-For"] = address
        for _ in range(ANONYMOUS // 2):
            rest_client.http.get("/api/me/tasks")
            graphql_client.http.post("/graphql", json={"query": "{ __typename }"})
        assert rest_client.http.get("/api/me/tasks").status_code == 429
        assert graphql_client.http.post("/graphql", json={"query": "{ __typename }"}).status_code == 429

        other_address = rest_client.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()})
        assert remaining_quotas(other_address) == {"anonymous": ANONYMOUS - 1}


def test_addresses_of_one_ipv6_network_share_a_quota(make_client: LimitedClientFactory) -> None:
    prefix = f"2001:db8:{next(_numbers):x}:1"
    for number in range(ANONYMOUS):
        with expect_error("UNAUTHENTICATED"):
            make_client(address=f"{prefix}::{number:x}").page("task")

    with expect_error("RATE_LIMITED"):
        make_client(address=f"{prefix}:ffff::1").page("task")
    with expect_error("UNAUTHENTICATED"):
        make_client(address=f"2001:db8:{next(_numbers):x}:2::1").page("task")


def test_x_forwarded_for_from_untrusted_peer_is_ignored(database: PostgresServer) -> None:
    settings = settings_for(database, rate_limit_anonymous="3/day", forwarded_allow_ips="10.0.0.1")
    with run_service(settings, database) as service, RestClient(service.url, None) as client:
        statuses = [client.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()}).status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_unknown_api_token_above_the_anonymous_quota_sends_no_sql(make_client: LimitedClientFactory, log: LogCapture) -> None:
    for number in range(ANONYMOUS):
        with expect_error("UNAUTHENTICATED"):
            make_client(f"todo_api_{number}").page("task")
    log.captured.clear()

    with expect_error("RATE_LIMITED"):
        make_client("todo_api_another").page("task")

    assert [line["sql_statements"] for line in log.lines(requests=1)] == [0]


def test_register_login_and_refresh_share_a_quota_per_address(make_client: LimitedClientFactory) -> None:
    client = make_client()
    for number in range(LOGINS):
        with expect_error("UNAUTHENTICATED"):
            client.log_in(f"unknown.{number}@example.com", "wrong wrong")

    attempts: list[Callable[[], object]] = [
        lambda: client.log_in("unknown@example.com", "wrong wrong"),
        lambda: client.register(email=f"new.{next(_numbers)}@example.com", password=PASSWORD),
        lambda: client.refresh("todo_refresh_a.b"),
    ]
    for attempt in attempts:
        with expect_error("RATE_LIMITED") as error:
            attempt()
        assert "attempts to register, log in or refresh" in error.value.detail


def test_each_alias_is_an_attempt_and_too_many_are_rejected_as_a_whole(limited_service: RunningService, address: str) -> None:
    emails = [f"new.{next(_numbers)}@example.com" for _ in range(LOGINS)]
    fields = [
        f'a{n}: register(input: {{email: "{email}", password: "{PASSWORD}"}}) {{ expiresIn }}' for n, email in enumerate(emails)
    ]
    with GraphQLClient(limited_service.url, None) as client:
        client.http.headers["X-Forwarded-For"] = address
        first = client.http.post("/graphql", json={"query": f"mutation {{ {fields[0]} }}"})
        assert remaining_quotas(first)["auth-address"] == LOGINS - 1
        response = client.http.post("/graphql", json={"query": f"mutation {{ {' '.join(fields)} }}"})

    assert response.status_code == 429
    assert "data" not in response.json()
    stored_emails = limited_service.database.execute('SELECT email FROM "user" WHERE email = ANY(%s)', emails)
    assert stored_emails == [(emails[0],)]


def test_login_limit_is_per_address(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    make_client(address=new_address()).register(email=email, password=PASSWORD)
    spellings = [email, email.upper(), email.replace("a", "\uff41")]
    for number in range(ON_ACCOUNT):
        with expect_error("UNAUTHENTICATED"):
            make_client().log_in(spellings[number % len(spellings)], "wrong wrong")
    for _ in range(2):
        with expect_error("RATE_LIMITED") as error:
            make_client().log_in(email, PASSWORD)
        assert "attempts on one account from one address" in error.value.detail

    assert make_client(address=new_address()).log_in(email, PASSWORD)["access_token"]
    with expect_error("RATE_LIMITED") as error:
        make_client().log_in(email, PASSWORD)
    assert "attempts on one account from one address" in error.value.detail


def test_login_attempts_from_all_addresses_are_limited(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    make_client(address=new_address()).register(email=email, password=PASSWORD)
    for number in range(GLOBAL_MULTIPLIER * ON_ACCOUNT):
        with expect_error("UNAUTHENTICATED"):
            make_client(address=new_address()).log_in(email.upper() if number else email, "wrong wrong")

    with expect_error("RATE_LIMITED") as error:
        make_client(address=new_address()).log_in(email, PASSWORD)
    assert "attempts on one account in" in error.value.detail


def test_repeated_registration_is_limited_and_does_not_block_login(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    make_client().register(email=email, password=PASSWORD)
    for _ in range(ON_ACCOUNT - 1):
        with expect_error("EMAIL_TAKEN"):
            make_client().register(email=email.upper(), password=PASSWORD)

    with expect_error("RATE_LIMITED") as error:
        make_client().register(email=email, password=PASSWORD)
    assert "attempts on one account" in error.value.detail
    assert make_client().log_in(email, PASSWORD)["access_token"]


def test_rejected_attempts_do_not_consume_the_global_quota(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    make_client(address=new_address()).register(email=email, password=PASSWORD)
    for address in [new_address() for _ in range(GLOBAL_MULTIPLIER - 1)]:
        for number in range(LOGINS):
            with expect_error("UNAUTHENTICATED" if number < ON_ACCOUNT else "RATE_LIMITED"):
                make_client(address=address).log_in(email, "wrong wrong")

    assert make_client(address=new_address()).log_in(email, PASSWORD)["access_token"]


def test_current_password_attempts_are_limited(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = make_client(address=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for number in range(ON_ACCOUNT):
        with expect_error("INVALID_INPUT"):
            make_client(token).change_me(password="another password", current_password=f"guess {number}")

    correct = {"password": "another password", "current_password": PASSWORD}
    with expect_error("RATE_LIMITED") as error:
        make_client(token).change_me(**correct)
    assert "attempts on one account" in error.value.detail
    assert make_client(token).change_me(name="Ada")["name"] == "Ada"
    assert make_client(token, address=new_address()).change_me(password="another password", current_password=PASSWORD)


def test_login_limit_does_not_block_password_change(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = make_client(address=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for _ in range(ON_ACCOUNT):
        with expect_error("UNAUTHENTICATED"):
            make_client().log_in(email, "wrong wrong")

    assert make_client(token).change_me(password="another password", current_password=PASSWORD)


def test_email_change_attempts_share_the_quota_per_address(make_client: LimitedClientFactory) -> None:
    registered = [
        make_client(address=new_address()).register(email=f"ada.{next(_numbers)}@example.com", password=PASSWORD)
        for _ in range(3)
    ]
    taken = {"email": registered[0]["user"]["email"], "current_password": PASSWORD}
    clients = [make_client(account["access_token"]) for account in registered[1:] for _ in range(ON_ACCOUNT)]
    assert len(clients) == LOGINS
    for client in clients:
        with expect_error("EMAIL_TAKEN"):
            client.change_me(**taken)

    with expect_error("RATE_LIMITED") as error:
        make_client(registered[0]["access_token"]).change_me(**{**taken, "email": registered[1]["user"]["email"]})
    assert "from one address" in error.value.detail


def test_successful_login_resets_the_attempts(make_client: LimitedClientFactory) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    make_client(address=new_address()).register(email=email, password=PASSWORD)
    for _ in range(2):
        for _ in range(ON_ACCOUNT - 1):
            with expect_error("UNAUTHENTICATED"):
                make_client().log_in(email, "wrong wrong")
        assert make_client().log_in(email, PASSWORD)["access_token"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_graphql_rejection_has_retry_after_and_headers(graphql_client: GraphQLClient, method: str, accept: str) -> None:
    for _ in range(REQUESTS):
        graphql_client.page("task")
    options: dict[str, Any] = (
        {"params": {"query": "{ viewer { id } }"}} if method == "GET" else {"json": {"query": "{ viewer { id } }"}}
    )

    response = graphql_client.http.request(method, "/graphql", headers={"Accept": accept}, **options)

    seconds = int(response.headers["retry-after"])
    assert response.status_code == 429
    assert 1 <= seconds <= 2 * SECONDS
    assert response.headers["content-type"].startswith(accept)
    (error,) = response.json()["errors"]
    assert f"{REQUESTS} requests in {SECONDS} seconds" in error["message"]
    assert f" in {seconds} s." in error["message"]
    assert error["extensions"] == {"code": "RATE_LIMITED", "status": 429, "retryAfter": seconds}
    assert error.keys() == {"message", "extensions"}
    assert response.json().keys() == {"errors"}
    assert remaining_quotas(response) == {"requests": 0}


def test_rest_rejection_is_a_problem_with_retry_after_and_headers(limited_service: RunningService, user: TestUser) -> None:
    with RestClient(limited_service.url, user.token) as client:
        for _ in range(REQUESTS):
            client.page("task")
        response = client.http.get("/api/me/tasks", headers={"Origin": "http://localhost:3000"})

    problem = response.json()
    assert (response.status_code, problem["error_code"]) == (429, "RATE_LIMITED")
    assert problem["type"] == "urn:todo:problem:rate-limited"
    assert int(response.headers["retry-after"]) == problem["retry_after"]
    assert remaining_quotas(response) == {"requests": 0}
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(response.headers["access-control-expose-headers"].split(", "))


UNCOUNTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "health": ("GET", "/health", {}),
    "ready": ("GET", "/ready", {}),
    "about": ("GET", "/", {}),
    "Swagger UI": ("GET", "/docs", {}),
    "static file": ("GET", "/docs/files/favicon.png", {}),
    "OpenAPI document": ("GET", "/openapi.json", {}),
    "GraphiQL": ("GET", "/graphql", {"headers": {"Accept": "text/html"}}),
    "unknown path": ("GET", "/nothing", {}),
    "method not allowed": ("DELETE", "/health", {}),
    "body too large": ("POST", "/api/me/tasks", {"content": b" " * 2_000_000}),
    "CORS preflight": (
        "OPTIONS",
        "/api/me/tasks",
        {"headers": {"Origin": "http://localhost:1", "Access-Control-Request-Method": "POST"}},
    ),
}


@pytest.mark.parametrize(("method", "path", "options"), UNCOUNTED.values(), ids=UNCOUNTED)
def test_uncounted_responses_have_rate_limit_headers(
    limited_service: RunningService, address: str, method: str, path: str, options: dict[str, Any]
) -> None:
    with httpx.Client(base_url=limited_service.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        http.get("/api/me/tasks")
        responses = [http.request(method, path, **options) for _ in range(3)]

    assert [remaining_quotas(response) for response in responses] == [{"anonymous": ANONYMOUS - 1}] * 3


def test_health_is_never_rejected(limited_service: RunningService, address: str) -> None:
    with httpx.Client(base_url=limited_service.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        for _ in range(ANONYMOUS):
            http.get("/api/me/tasks")
        assert http.get("/api/me/tasks").status_code == 429

        for path in ("/health", "/ready", "/"):
            response = http.get(path)
            assert (response.status_code, remaining_quotas(response)) == (200, {"anonymous": 0})


def test_disabled_policy_is_not_counted_or_reported(service: RunningService, user: TestUser) -> None:
    with RestClient(service.url, user.token) as client:
        for response in (client.send("GET", "/api/me/tasks"), client.http.get("/health")):
            assert not {"ratelimit", "ratelimit-policy"} & response.headers.keys()


@contextmanager
def run_limited_service(database: PostgresServer, **limits: str) -> Iterator[Callable[[], httpx.Response]]:
    """Run a service with these limits; yield a function that sends a request."""
    user = new_user()
    with run_service(settings_for(database, **limits), database) as service, RestClient(service.url, user.token) as client:
        yield lambda: client.http.get("/api/me/tasks")


def test_retry_after_is_sufficient(database: PostgresServer) -> None:
    with run_limited_service(database, rate_limit_requests="2/second") as send_request:
        for _ in range(3):
            rejected = next(response for response in iter(send_request, None) if response.status_code == 429)
            time.sleep(int(rejected.headers["retry-after"]))

            assert send_request().status_code == 200


def test_each_policy_can_be_disabled_alone(database: PostgresServer) -> None:
    with run_limited_service(database, rate_limit_cost="20000000/hour") as send_request:
        response = send_request()

    assert response.status_code == 200
    assert response.headers["ratelimit-policy"] == '"cost";q=20000000;w=3600'
    assert "ratelimit" not in response.headers
