"""How much may be asked for: counted to the user, or to the address of a stranger, by the same rule at both doors."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from services.limits.quotas import EVERYWHERE
from tests.support.api_clients import TLS
from tests.support.api_clients import ApiClient as Door
from tests.support.api_clients import ApiError as DoorError
from tests.support.api_clients import GraphQLClient as GraphQLDoor
from tests.support.api_clients import RestClient as RestDoor
from tests.support.service import SECRET, settings_for
from tests.support.service import LogCapture as LogLines
from tests.support.service import PostgresServer as Cluster
from tests.support.service import RunningService as Service
from tests.support.service import run_service as serving
from tests.support.users import PASSWORD
from tests.support.users import TestUser as Person
from tests.support.users import sign_token as signed

REQUESTS, ANONYMOUS, LOGINS, ON_ACCOUNT = 12, 20, 6, 3
COST, STEP = 4_000_000, 2_000
ITEM = re.compile(r'"([a-z]+)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"([a-z]+)";q=(\d+);w=(\d+)')
_numbers = count(1)


@pytest.fixture(scope="module")
def limited(cluster: Cluster) -> Iterator[Service]:
    """A service with small quotas. Each test brings its own users, and addresses as a proxy would tell them."""
    database = cluster.copy("template_todo")
    settings = settings_for(
        database,
        rate_limit_requests=f"{REQUESTS}/minute",
        rate_limit_cost=f"{COST}/minute",
        rate_limit_anonymous=f"{ANONYMOUS}/minute",
        rate_limit_login_address=f"{LOGINS}/minute",
        rate_limit_login_account=f"{ON_ACCOUNT}/minute",
    )
    with serving(settings, database) as running:
        yield running


def new_address() -> str:
    """Return an address that nobody came from before."""
    number = next(_numbers)
    return f"198.51.{number // 256}.{number % 256}"


@pytest.fixture
def address() -> str:
    """The address of the test."""
    return new_address()


def new_user() -> Person:
    """Return somebody known by another issuer, who has not asked for anything yet."""
    user_id = f"user {next(_numbers)}"
    return Person(user_id, "", signed({"sub": user_id}, SECRET))


@pytest.fixture
def user() -> Person:
    """The user of the test."""
    return new_user()


Come = Callable[..., Door]


@pytest.fixture(params=[RestDoor, GraphQLDoor], ids=["rest", "graphql"])
def come(request: pytest.FixtureRequest, limited: Service, address: str) -> Iterator[Come]:
    """Come to one door, then to the other: the test runs through both."""
    opened: list[Door] = []

    def come_to(token: str | None = None, at: str = address) -> Door:
        door: Door = request.param(limited.url, token)
        door.http.headers["X-Forwarded-For"] = at
        opened.append(door)
        return door

    yield come_to
    for door in opened:
        door.close()


def refused(do: Callable[[], object]) -> str:
    """Do it, and return what is said of it."""
    with pytest.raises(DoorError) as caught:
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


def titles(service: Service, user: Person) -> set[object]:
    """Look past the service, which does not let the user look any more."""
    return {row[0] for row in service.database.execute("SELECT title FROM task WHERE user_id = %s", user.id)}


def test_a_users_requests_are_counted_and_more_are_refused(come: Come, user: Person) -> None:
    door = come(user.token)
    for _ in range(REQUESTS):
        door.page("task")

    assert refused(lambda: door.page("task")).startswith(f"The limit is {REQUESTS} requests in 60 seconds; come back in ")


def test_both_doors_count_together(limited: Service, user: Person) -> None:
    with RestDoor(limited.url, user.token) as rest, GraphQLDoor(limited.url, user.token) as graph:
        for _ in range(REQUESTS // 2):
            rest.page("task")
            graph.page("task")
        refused(lambda: rest.page("task"))
        refused(lambda: graph.page("task"))


def test_another_user_at_the_same_address_is_served(come: Come, user: Person) -> None:
    door, other = come(user.token), come(new_user().token)
    for _ in range(REQUESTS):
        door.page("task")
    refused(lambda: door.page("task"))

    assert other.page("task") == []


def test_all_tokens_of_a_user_count_to_the_user_wherever_they_come_from(come: Come, user: Person) -> None:
    door = come(user.token)
    program = come(str(door.make_api_token(name="x", scopes=["tasks:read"])["token"]), at=new_address())
    for _ in range(REQUESTS - 1):
        program.page("task")

    refused(lambda: program.page("task"))
    refused(lambda: door.page("task"))


def test_a_refused_request_does_nothing(come: Come, limited: Service, user: Person) -> None:
    door = come(user.token)
    for _ in range(REQUESTS - 1):
        door.page("task")
    door.create("task", title="the last one")
    refused(lambda: door.create("task", title="one too many"))

    assert titles(limited, user) == {"the last one"}


def test_what_takes_more_than_one_transaction_counts_as_often(come: Come, limited: Service) -> None:
    """A new password is two: the current one is looked up and checked first, then the new one is stored."""
    door = come(None)
    ada = door.register(email=f"{next(_numbers)}@example.com", password=PASSWORD)
    door.http.headers["Authorization"] = f"Bearer {ada['access_token']}"
    for _ in range(REQUESTS - 1):
        door.me()
    stored = limited.database.execute('SELECT password_hash FROM "user" WHERE id = %s', ada["user"]["id"])

    refused(lambda: door.change_me(password="another password", current_password=PASSWORD))

    assert limited.database.execute('SELECT password_hash FROM "user" WHERE id = %s', ada["user"]["id"]) == stored


MALFORMED: dict[str, dict[str, Any]] = {
    "no JSON": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "another media type": {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "not what is asked for": {"json": {"titel": "x"}},
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/api/me/tasks", "/graphql"])
def test_malformed_requests_count_too(limited: Service, user: Person, path: str, sent: dict[str, Any]) -> None:
    with RestDoor(limited.url, user.token) as door:
        first = door.http.post(path, **sent)
        assert first.status_code in {400, 415, 422}
        assert left(first) == {"requests": REQUESTS - 1}
        for _ in range(REQUESTS - 1):
            door.http.post(path, **sent)

        assert door.http.post(path, **sent).status_code == 429
        refused(lambda: door.page("task"))


def mutation(titles: list[str]) -> dict[str, Any]:
    fields = " ".join(
        f'a{place}: createTask(input: {{title: "{title}"}}) {{ task {{ id }} }}' for place, title in enumerate(titles)
    )
    return {"query": f"mutation {{ {fields} }}"}


@pytest.fixture
def graph(limited: Service, user: Person, address: str) -> Iterator[GraphQLDoor]:
    """The user at the GraphQL door."""
    with GraphQLDoor(limited.url, user.token) as door:
        door.http.headers["X-Forwarded-For"] = address
        yield door


def test_an_operation_counts_as_often_as_it_writes_and_is_refused_as_a_whole(
    limited: Service, graph: GraphQLDoor, user: Person
) -> None:
    kept = [f"kept {number}" for number in range(REQUESTS - 3)]
    first = graph.http.post("/graphql", json=mutation(kept))
    assert left(first)["requests"] == 3
    second = graph.http.post("/graphql", json=mutation(["refused"] * 4))

    assert second.status_code == 429
    assert "data" not in second.json()
    assert titles(limited, user) == set(kept)


def test_fields_under_one_key_and_skipped_ones_count_as_they_run(graph: GraphQLDoor) -> None:
    def create(key: str, directive: str = "") -> str:
        return f'{key}: createTask(input: {{title: "x"}}) {directive} {{ task {{ id }} }}'

    selected = f"{create('a')} ...F ... {{ {create('a')} }} {create('b', '@skip(if: true)')}"
    document = f"mutation {{ {selected} }} fragment F on Mutation {{ {create('a')} {create('c')} }}"

    answer = graph.http.post("/graphql", json={"query": document})

    assert list(answer.json()["data"]) == ["a", "c"]
    assert left(answer)["requests"] == REQUESTS - 2


def test_what_would_never_fit_is_told_so(graph: GraphQLDoor) -> None:
    (error,) = graph.post(mutation(["x"] * (REQUESTS + 2)))["errors"]

    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["message"] == f"This alone takes {REQUESTS + 1} of {REQUESTS} requests in 60 seconds; ask for less at once."


def test_the_cost_of_operations_is_counted_in_steps(graph: GraphQLDoor) -> None:
    first = graph.http.post("/graphql", json={"query": "{ viewer { id } }"})
    second = graph.http.post("/graphql", json={"query": "{ tasks(first: 500) { nodes { id title status priority } } }"})

    assert left(first) == {"requests": REQUESTS - 1, "cost": COST - STEP}
    assert left(second) == {"requests": REQUESTS - 2, "cost": COST - STEP - 2 * STEP}

    again = graph.http.get("/graphql", params={"query": "{ tasks(first: 500) { nodes { id title status priority } } }"})
    assert left(again) == {"requests": REQUESTS - 3, "cost": COST - STEP - 4 * STEP}


def costly(first: int) -> dict[str, Any]:
    return {"query": f"{{ lists(first: 500) {{ nodes {{ tasks(first: {first}) {{ nodes {{ id title status }} }} }} }} }}"}


def test_more_cost_is_refused_and_less_still_served(graph: GraphQLDoor) -> None:
    for _ in range(COST // 990_000):
        assert graph.http.post("/graphql", json=costly(490)).status_code == 200
    over = graph.http.post("/graphql", json=costly(490))

    assert over.status_code == 429
    assert over.json()["errors"][0]["message"].startswith(f"The limit is {COST} units of GraphQL cost in 60 seconds")
    assert left(over)["cost"] > 0
    assert graph.page("task") == []


def test_strangers_count_to_their_address(come: Come) -> None:
    door = come()
    for _ in range(ANONYMOUS):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            door.page("task")

    assert "requests without a valid token from one address" in refused(lambda: door.page("task"))


def test_so_do_bad_tokens_and_the_good_ones_are_served_all_the_same(come: Come, user: Person) -> None:
    door, other = come("x.y.z"), come(user.token)
    for _ in range(ANONYMOUS):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            door.page("task")
    refused(lambda: door.page("task"))

    assert other.page("task") == []


def test_both_doors_count_strangers_together_and_each_address_for_itself(limited: Service, address: str) -> None:
    with RestDoor(limited.url, None) as rest, GraphQLDoor(limited.url, None) as graph:
        for door in (rest, graph):
            door.http.headers["X-Forwarded-For"] = address
        for _ in range(ANONYMOUS // 2):
            rest.http.get("/api/me/tasks")
            graph.http.post("/graphql", json={"query": "{ __typename }"})
        assert rest.http.get("/api/me/tasks").status_code == 429
        assert graph.http.post("/graphql", json={"query": "{ __typename }"}).status_code == 429

        elsewhere = rest.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()})
        assert left(elsewhere) == {"anonymous": ANONYMOUS - 1}


def test_a_network_of_ipv6_is_one_address(come: Come) -> None:
    prefix = f"2001:db8:{next(_numbers):x}:1"
    for number in range(ANONYMOUS):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            come(at=f"{prefix}::{number:x}").page("task")

    refused(lambda: come(at=f"{prefix}:ffff::1").page("task"))
    with pytest.raises(DoorError, match="UNAUTHENTICATED"):
        come(at=f"2001:db8:{next(_numbers):x}:2::1").page("task")


def test_whoever_is_no_proxy_is_not_believed(database: Cluster) -> None:
    settings = settings_for(database, rate_limit_anonymous="3/minute", forwarded_allow_ips="10.0.0.1")
    with serving(settings, database) as service, RestDoor(service.url, None) as door:
        statuses = [door.http.get("/api/me/tasks", headers={"X-Forwarded-For": new_address()}).status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_guessing_api_tokens_does_not_reach_the_database_for_long(come: Come, log: LogLines) -> None:
    for number in range(ANONYMOUS):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            come(f"todo_api_{number}").page("task")
    log.heard.clear()

    refused(lambda: come("todo_api_another").page("task"))

    assert [line["sql"] for line in log.lines(requests=1)] == [0]


def test_attempts_to_get_in_are_counted_by_address(come: Come) -> None:
    door = come()
    for number in range(LOGINS):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            door.log_in(f"nobody.{number}@example.com", "wrong wrong")

    for attempt in (
        lambda: door.log_in("nobody@example.com", "wrong wrong"),
        lambda: door.register(email=f"new.{next(_numbers)}@example.com", password=PASSWORD),
        lambda: door.refresh("todo_refresh_a.b"),
    ):
        assert "attempts to register, log in or refresh" in refused(attempt)


def test_each_alias_is_an_attempt_and_too_many_are_none(limited: Service, address: str) -> None:
    emails = [f"new.{next(_numbers)}@example.com" for _ in range(LOGINS)]
    fields = [
        f'a{n}: register(input: {{email: "{email}", password: "{PASSWORD}"}}) {{ expiresIn }}' for n, email in enumerate(emails)
    ]
    with GraphQLDoor(limited.url, None) as door:
        door.http.headers["X-Forwarded-For"] = address
        assert left(door.http.post("/graphql", json={"query": f"mutation {{ {fields[0]} }}"}))["login"] == LOGINS - 1
        answer = door.http.post("/graphql", json={"query": f"mutation {{ {' '.join(fields)} }}"})

    assert answer.status_code == 429
    assert "data" not in answer.json()
    known = limited.database.execute('SELECT email FROM "user" WHERE email = ANY(%s)', emails)
    assert known == [(emails[0],)]


def test_whoever_guesses_from_one_address_keeps_nobody_out_elsewhere(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for number in range(ON_ACCOUNT):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            come().log_in(email.upper() if number else email, "wrong wrong")
    for _ in range(2):
        assert "attempts on one account from one address" in refused(lambda: come().log_in(email, PASSWORD))

    assert come(at=new_address()).log_in(email, PASSWORD)["access_token"]
    assert "attempts on one account from one address" in refused(lambda: come().log_in(email, PASSWORD))


def test_attempts_on_an_account_are_counted_wherever_they_come_from(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for number in range(EVERYWHERE * ON_ACCOUNT):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            come(at=new_address()).log_in(email.upper() if number else email, "wrong wrong")

    assert "attempts on one account in" in refused(lambda: come(at=new_address()).log_in(email, PASSWORD))


def test_one_email_is_not_registered_over_and_over(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come().register(email=email, password=PASSWORD)
    for _ in range(ON_ACCOUNT - 1):
        with pytest.raises(DoorError, match="EMAIL_TAKEN"):
            come().register(email=email.upper(), password=PASSWORD)

    assert "attempts on one account" in refused(lambda: come().register(email=email, password=PASSWORD))
    assert come().log_in(email, PASSWORD)["access_token"]


def test_what_is_refused_from_one_address_is_not_counted_everywhere(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for address in [new_address() for _ in range(EVERYWHERE - 1)]:
        for number in range(LOGINS):
            with pytest.raises(DoorError, match="UNAUTHENTICATED" if number < ON_ACCOUNT else "RATE_LIMITED"):
                come(at=address).log_in(email, "wrong wrong")

    assert come(at=new_address()).log_in(email, PASSWORD)["access_token"]


def test_the_current_password_cannot_be_guessed_with_a_stolen_token(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = come(at=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for number in range(ON_ACCOUNT):
        with pytest.raises(DoorError, match="INVALID_INPUT"):
            come(token).change_me(password="taken over", current_password=f"guess {number}")

    right = {"password": "taken over", "current_password": PASSWORD}
    assert "attempts on one account" in refused(lambda: come(token).change_me(**right))
    assert come(token).change_me(name="Ada")["name"] == "Ada"
    assert come(token, at=new_address()).change_me(password="out of reach", current_password=PASSWORD)


def test_whoever_tries_to_log_in_too_often_keeps_nobody_from_changing_the_password(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    token = come(at=new_address()).register(email=email, password=PASSWORD)["access_token"]
    for _ in range(ON_ACCOUNT):
        with pytest.raises(DoorError, match="UNAUTHENTICATED"):
            come().log_in(email, "wrong wrong")

    assert come(token).change_me(password="out of reach", current_password=PASSWORD)


def test_a_change_of_email_tells_no_more_than_registering_who_has_an_account(come: Come) -> None:
    registered = [come(at=new_address()).register(email=f"ada.{next(_numbers)}@example.com", password=PASSWORD) for _ in range(3)]
    taken = {"email": registered[0]["user"]["email"], "current_password": PASSWORD}
    asked = [come(admission["access_token"]) for admission in registered[1:] for _ in range(ON_ACCOUNT)]
    assert len(asked) == LOGINS
    for door in asked:
        with pytest.raises(DoorError, match="EMAIL_TAKEN"):
            door.change_me(**taken)

    assert "from one address" in refused(lambda: come(registered[0]["access_token"]).change_me(**taken))


def test_a_success_forgets_the_attempts_before_it(come: Come) -> None:
    email = f"ada.{next(_numbers)}@example.com"
    come(at=new_address()).register(email=email, password=PASSWORD)
    for _ in range(2):
        for _ in range(ON_ACCOUNT - 1):
            with pytest.raises(DoorError, match="UNAUTHENTICATED"):
                come().log_in(email, "wrong wrong")
        assert come().log_in(email, PASSWORD)["access_token"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_how_graphql_refuses(graph: GraphQLDoor, method: str, accept: str) -> None:
    for _ in range(REQUESTS):
        graph.page("task")
    sent: dict[str, Any] = (
        {"params": {"query": "{ viewer { id } }"}} if method == "GET" else {"json": {"query": "{ viewer { id } }"}}
    )

    answer = graph.http.request(method, "/graphql", headers={"Accept": accept}, **sent)

    seconds = int(answer.headers["retry-after"])
    assert answer.status_code == 429
    assert 1 <= seconds <= 60
    assert answer.headers["content-type"].startswith(accept)
    (error,) = answer.json()["errors"]
    assert error == {
        "message": f"The limit is {REQUESTS} requests in 60 seconds; come back in {seconds} s.",
        "extensions": {"code": "RATE_LIMITED", "status": 429, "retryAfter": seconds},
    }
    assert answer.json().keys() == {"errors"}
    assert left(answer) == {"requests": 0}


def test_how_rest_refuses(limited: Service, user: Person) -> None:
    with RestDoor(limited.url, user.token) as door:
        for _ in range(REQUESTS):
            door.page("task")
        answer = door.http.get("/api/me/tasks", headers={"Origin": "http://localhost:3000"})

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
def test_every_answer_says_how_its_caller_stands_also_where_nothing_is_counted(
    limited: Service, address: str, method: str, path: str, sent: dict[str, Any]
) -> None:
    with httpx.Client(base_url=limited.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        http.get("/api/me/tasks")
        answers = [http.request(method, path, **sent) for _ in range(3)]

    assert [left(answer) for answer in answers] == [{"anonymous": ANONYMOUS - 1}] * 3


def test_health_is_never_refused(limited: Service, address: str) -> None:
    with httpx.Client(base_url=limited.url, verify=TLS, headers={"X-Forwarded-For": address}) as http:
        for _ in range(ANONYMOUS):
            http.get("/api/me/tasks")
        assert http.get("/api/me/tasks").status_code == 429

        for path in ("/health", "/ready", "/"):
            answer = http.get(path)
            assert (answer.status_code, left(answer)) == (200, {"anonymous": 0})


def test_what_is_off_is_neither_counted_nor_shown(service: Service, ada: Person) -> None:
    with RestDoor(service.url, ada.token) as door:
        for answer in (door.send("GET", "/api/me/tasks"), door.http.get("/health")):
            assert not {"ratelimit", "ratelimit-policy"} & answer.headers.keys()


@contextmanager
def counting(database: Cluster, **limits: str) -> Iterator[Callable[[], httpx.Response]]:
    """Serve with these limits, and return how to ask for one thing."""
    user = new_user()
    with serving(settings_for(database, **limits), database) as service, RestDoor(service.url, user.token) as door:
        yield lambda: door.http.get("/api/me/tasks")


def test_whoever_comes_back_when_told_is_served(database: Cluster) -> None:
    with counting(database, rate_limit_requests="2/second") as ask:
        told = next(answer for answer in iter(ask, None) if answer.status_code == 429)
        assert told.headers["retry-after"] == "1"
        time.sleep(1)

        assert ask().status_code == 200


def test_each_policy_can_be_off_by_itself(database: Cluster) -> None:
    with counting(database, rate_limit_cost="20000000/hour") as ask:
        answer = ask()

    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"] == '"cost";q=20000000;w=3600'
    assert "ratelimit" not in answer.headers
