"""Isolation, proved by enumeration: every REST route and every GraphQL field, called by everyone who must get nothing from it.

What others' rows have to do with is walked twice: as shipped, and with row-level security switched off, so that the service is
right by itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type
from passlib.hash import argon2

from api.app import create_app
from api.settings import Settings
from graphql_schema.schema import build_schema
from models.scopes import Scope
from models.tables import TABLES
from services.grants import widened
from tests.support.api_clients import TLS, RestDoor
from tests.support.invalid_tokens import ELSEWHERE, Tokens, bad_tokens
from tests.support.permission_matrix import NOUNS, OPEN, REST, ROOTS, UNREPEATABLE, Expected, Noun, Root
from tests.support.resource_owner import KINDS, Estate, Ids, copied, nowhere, settle
from tests.support.service import SECRET, Cluster, Service, run_sql, serving, settings_for
from tests.support.users import PASSWORD, Person, signed

SCHEMA: GraphQLSchema = build_schema()._schema
TABLE_NAMES = [str(table.__tablename__) for table in TABLES]
MINE = {"user": "me"}

Call = Callable[[str | None, Ids], httpx.Response]


class World:
    """A service with its people, and a client for all who come."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.Client(base_url=service.url, verify=TLS, timeout=30)
        self.ada = settle(service.url, "Adaword")
        self.eve = settle(service.url, "Eveword")
        self.bad: Tokens = bad_tokens(service, self.ada.person)

    def send(self, method: str, path: str, token: str | None, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, path, headers=headers, **body)

    def rows_of(self, estate: Estate) -> list[Any]:
        """Return everything that the database holds of someone. `last_used_at` is all that reading may change."""
        url = self.service.database.owner
        owner = {"user": "id"}
        return [
            run_sql(
                url,
                f"SELECT to_jsonb(t) - 'last_used_at' FROM \"{table}\" AS t "
                f"WHERE {owner.get(table, 'user_id')} = %s ORDER BY t::text",
                estate.person.id,
            )
            for table in TABLE_NAMES
        ]


@contextmanager
def inhabited(cluster: Cluster, *, row_level_security: bool) -> Iterator[World]:
    """Serve on a database of its own; whatever happened, nothing happened to Ada."""
    database = cluster.copy("template_todo")
    issuer = {"jwt_issuer": ELSEWHERE["iss"], "jwt_audience": ELSEWHERE["aud"]}
    with serving(settings_for(database, **issuer), database) as service:
        if not row_level_security:
            for table in TABLE_NAMES:
                run_sql(database.owner, f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
        world = World(service)
        before = world.rows_of(world.ada)
        yield world
        world.http.close()
        assert world.rows_of(world.ada) == before


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with inhabited(cluster, row_level_security=True) as world:
        yield world


@pytest.fixture(scope="module")
def bare_world(cluster: Cluster) -> Iterator[World]:
    with inhabited(cluster, row_level_security=False) as world:
        yield world


@pytest.fixture(scope="module", params=["world", "bare_world"])
def each_world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


def throwaway(world: World) -> Person:
    """Someone to whom anything may happen."""
    return Person.register(world.service.url)


# What is asked, and how.


def fill(text: str, ids: Mapping[str, str]) -> str:
    for kind in KINDS:
        text = text.replace(f"{{{kind}}}", ids.get(kind, "me"))
    return text


def rest_call(world: World, route: str, expected: Expected) -> Call:
    method, path = route.split(" ")

    def call(token: str | None, ids: Ids) -> httpx.Response:
        body = {} if expected.json is None else {"json": json.loads(fill(json.dumps(expected.json), ids))}
        form = {} if expected.form is None else {"data": expected.form}
        return world.send(method, fill(path + expected.query, ids), token, **body, **form)

    return call


def graph_call(world: World, document: str) -> Call:
    def call(token: str | None, ids: Ids) -> httpx.Response:
        return world.send("POST", "/graphql", token, json={"query": fill(document, ids)})

    return call


def root_document(kind: str, name: str, root: Root) -> str:
    field = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}[kind]
    assert field is not None
    return f"{kind} {{ {name}{root.arguments} {selection(get_named_type(field.fields[name].type))} }}"


def noun_document(noun: Noun, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> str:
    return noun.reached.replace("$", f"{name} {selection(get_named_type(owner.fields[name].type))}")


def selection(kind: Any, depth: int = 2) -> str:
    """Select the leaves of a type, and of what is below it, a little."""
    if is_leaf_type(kind):
        return ""
    inner = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if is_leaf_type(below):
            inner.append(name)
        elif depth:
            inner.append(f"{name} {selection(below, depth - 1)}")
    return "{ __typename " + " ".join(inner) + " }"


def same_but_for_ids(answer: httpx.Response, ids: Ids) -> tuple[int, str, list[tuple[str, str]]]:
    """Return the answer as a stranger sees it: the request's id is random, and the ids are those that were sent."""
    text = answer.text.replace(answer.headers["x-request-id"], "")
    for kind, row_id in ids.items():
        text = text.replace(row_id, kind)
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in {"x-request-id", "date"}]
    return answer.status_code, text, headers


def code_of(answer: httpx.Response) -> str | None:
    """Return the code of the (first) error."""
    body = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    if isinstance(body, dict) and body.get("errors") and "error_code" not in body:
        return str(body["errors"][0]["extensions"]["code"])
    return body.get("error_code") if isinstance(body, dict) else None


# Nothing is forgotten.


def test_every_route_is_declared() -> None:
    found = set()
    for route in create_app(Settings.model_construct()).routes:
        path = getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            kind = path.split("/")[3].removesuffix("s") if path.startswith("/api/{user_id}") else path.split("/")[-2][:-1]
            found.add(f"{method} {path.replace('{user_id}', '{user}').replace('{id}', f'{{{kind}}}')}")

    assert found == set(REST)


def test_every_root_field_is_declared() -> None:
    kinds = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}
    for kind, root in kinds.items():
        assert set(root.fields if root else ()) == set(ROOTS[kind]), kind


def test_every_field_of_every_object_is_declared() -> None:
    roots = {SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type}
    for name, kind in SCHEMA.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and kind not in roots and not name.startswith("__"):
            assert name in NOUNS, name
            assert set(kind.fields) == set(NOUNS[name].fields.split()), name


FIELDS = [(name, field) for name, noun in NOUNS.items() for field in noun.fields.split()]
ROOT_FIELDS = [(kind, name) for kind, roots in ROOTS.items() for name in roots]


@pytest.fixture(params=REST)
def route(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=ROOT_FIELDS, ids=".".join)
def root_field(request: pytest.FixtureRequest) -> tuple[str, str]:
    kind, name = request.param
    return kind, name


@pytest.fixture(params=FIELDS, ids=".".join)
def noun_field(request: pytest.FixtureRequest) -> tuple[str, str]:
    noun, name = request.param
    return noun, name


# Another user gets the same for another's ids as for ids of nothing, to the byte.


def test_a_route_tells_anothers_ids_from_nothing_by_nothing(each_world: World, route: str) -> None:
    expected = REST[route]
    check_another(each_world, rest_call(each_world, route, expected), f"{route} {expected}")


def test_a_route_under_anothers_name_is_refused_before_anything_is_asked(each_world: World, route: str) -> None:
    expected = REST[route]
    if "{user}" not in route:
        return
    call, ids = rest_call(each_world, route, expected), nowhere()
    hers = call(each_world.eve.person.token, each_world.ada.ids)

    assert hers.status_code == 403
    assert same_but_for_ids(hers, each_world.ada.ids) == same_but_for_ids(call(each_world.eve.person.token, ids), ids)


def test_a_root_field_tells_anothers_ids_from_nothing_by_nothing(each_world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    document = root_document(kind, name, ROOTS[kind][name])
    check_another(each_world, graph_call(each_world, document), document)


def test_a_field_tells_anothers_ids_from_nothing_by_nothing(each_world: World, noun_field: tuple[str, str]) -> None:
    document = document_of(noun_field)
    check_another(each_world, graph_call(each_world, document), document)


def document_of(noun_field: tuple[str, str]) -> str:
    noun, name = noun_field
    kind = SCHEMA.type_map[noun]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return noun_document(NOUNS[noun], kind, name)


def check_another(world: World, call: Call, request: str) -> None:
    nothing = nowhere()
    # What names no row answers about the caller's own; that may end what it answers about.
    names_rows = any(f"{{{kind}}}" in request for kind in KINDS if kind != "user")
    token = (world.eve.person if names_rows else throwaway(world)).token

    hers = call(token, {**world.ada.ids, **MINE})
    if names_rows:
        theirs = call(token, {**nothing, **MINE})
        assert same_but_for_ids(hers, world.ada.ids) == same_but_for_ids(theirs, nothing)
    masked = same_but_for_ids(hers, world.ada.ids)[1] if names_rows else hers.text
    assert not [trace for trace in world.ada.traces if trace in masked]
    assert hers.status_code != 500


# Nobody gets in with a token that is not good.


def test_the_bad_tokens_are_bad_by_what_is_spoilt_in_them_alone(world: World) -> None:
    theirs = signed({"sub": world.ada.person.id, **ELSEWHERE}, SECRET)
    ours = signed(jwt.decode(world.ada.person.token, options={"verify_signature": False}), SECRET)

    for good in (theirs, ours):
        assert world.send("GET", "/api/auth/me", good).json()["id"] == world.ada.person.id


def test_a_route_is_closed_to_every_bad_token(world: World, route: str) -> None:
    check_bad_tokens(world, rest_call(world, route, REST[route]), REST[route].scope)


def test_a_root_field_is_closed_to_every_bad_token(world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    root = ROOTS[kind][name]
    check_bad_tokens(world, graph_call(world, root_document(kind, name, root)), root.scope)


def test_a_field_is_closed_to_every_bad_token(world: World, noun_field: tuple[str, str]) -> None:
    check_bad_tokens(world, graph_call(world, document_of(noun_field)), NOUNS[noun_field[0]].scope)


def check_bad_tokens(world: World, call: Call, scope: str | None) -> None:
    nothing = nowhere()
    for kind, token in world.bad.items():
        hers, theirs = call(token, {**world.ada.ids, **MINE}), call(token, {**nothing, **MINE})
        assert same_but_for_ids(hers, world.ada.ids) == same_but_for_ids(theirs, nothing), kind
        if scope is OPEN:
            anonymous = call(None, {**nothing, **MINE})
            assert same_but_for_ids(hers, world.ada.ids) == same_but_for_ids(anonymous, nothing), kind
        else:
            assert code_of(hers) == "UNAUTHENTICATED", kind
            assert hers.status_code == (401 if "graphql" not in str(hers.url) else 200), kind


def test_anothers_session_opens_nothing(each_world: World) -> None:
    claims = jwt.decode(each_world.eve.person.token, options={"verify_signature": False})

    for session, status in ((claims["sid"], 200), (each_world.ada.ids["session"], 401)):
        token = signed({**claims, "sid": session}, SECRET)
        assert each_world.send("GET", "/api/me/tasks", token).status_code == status


# A program does what its token's scopes say.


def test_a_route_takes_the_scope_that_is_declared(world: World, route: str) -> None:
    expected = REST[route]
    check_scopes(world, rest_call(world, route, expected), expected.scope, expected.by_api_token)


def test_a_root_field_takes_the_scope_that_is_declared(world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    root = ROOTS[kind][name]
    check_scopes(world, graph_call(world, root_document(kind, name, root)), root.scope, root.by_api_token)


def test_a_field_takes_the_scope_that_is_declared(world: World, noun_field: tuple[str, str]) -> None:
    noun = NOUNS[noun_field[0]]
    check_scopes(world, graph_call(world, document_of(noun_field)), noun.scope, noun.by_api_token)


def check_scopes(world: World, call: Call, needed: str | None, by_api_token: bool) -> None:
    nothing = nowhere()
    for scope, token in world.ada.api_tokens.items():
        allowed = needed is OPEN or (by_api_token and Scope(needed) in widened([Scope(scope)]))
        if allowed:
            continue
        hers, theirs = call(token, {**world.ada.ids, **MINE}), call(token, {**nothing, **MINE})
        assert code_of(hers) == "FORBIDDEN", scope
        assert same_but_for_ids(hers, world.ada.ids) == same_but_for_ids(theirs, nothing), scope
    if needed is not OPEN and by_api_token:
        made = world.send("POST", "/api/auth/tokens", throwaway(world).token, json={"name": "x", "scopes": [needed]}).json()
        answer = call(made["token"], {**nothing, **MINE})
        assert code_of(answer) not in {"FORBIDDEN", "UNAUTHENTICATED", "INTERNAL"}


# Two users whose rows all have the same ids see each their own.

SHOWING = [route for route in REST if route.startswith("GET /api/{user}")]
SHOWN = [field for field in FIELDS if field[0] not in UNREPEATABLE]


@dataclass(frozen=True)
class Twins:
    """Bea, what she was shown while she was alone, and Cat, whose rows have the ids of Bea's."""

    bea: Estate
    alone: dict[str, tuple[int, str, list[tuple[str, str]]]]
    cat: Estate


@pytest.fixture(scope="module")
def twins(each_world: World) -> Twins:
    bea = settle(each_world.service.url, "Beaword")
    calls = {route: rest_call(each_world, route, REST[route]) for route in SHOWING}
    calls |= {".".join(field): graph_call(each_world, document_of(field)) for field in SHOWN}
    alone = {name: same_but_for_ids(call(bea.person.token, {**bea.ids, **MINE}), {}) for name, call in calls.items()}
    rows = {kind: bea.ids[kind] for kind in ("task", "subtask", "list", "tag", "comment")}
    return Twins(bea, alone, settle(each_world.service.url, "Catword", rows))


@pytest.mark.parametrize("route", SHOWING)
def test_a_route_shows_one_of_two_twins_her_own(each_world: World, twins: Twins, route: str) -> None:
    check_twins(twins, route, rest_call(each_world, route, REST[route]))


@pytest.mark.parametrize("noun_field", SHOWN, ids=".".join)
def test_a_field_shows_one_of_two_twins_her_own(each_world: World, twins: Twins, noun_field: tuple[str, str]) -> None:
    check_twins(twins, ".".join(noun_field), graph_call(each_world, document_of(noun_field)))


def check_twins(twins: Twins, name: str, call: Call) -> None:
    beas = call(twins.bea.person.token, {**twins.bea.ids, **MINE})
    cats = call(twins.cat.person.token, {**twins.cat.ids, **MINE})

    assert same_but_for_ids(beas, {}) == twins.alone[name]
    assert code_of(beas) is code_of(cats) is None
    assert twins.bea.word not in cats.text
    assert twins.bea.person.id not in cats.text


# Who writes, writes her own, also where another's rows all have the same ids.


def test_a_route_writes_to_ones_own_alone(each_world: World, route: str) -> None:
    expected = REST[route]
    if expected.scope is not OPEN and not route.startswith("GET"):
        check_writing(each_world, rest_call(each_world, route, expected))


def test_a_root_field_writes_to_ones_own_alone(each_world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    root = ROOTS[kind][name]
    if kind == "mutation" and root.scope is not OPEN:
        check_writing(each_world, graph_call(each_world, root_document(kind, name, root)))


def check_writing(world: World, call: Call) -> None:
    twin = copied(world.service.database, world.ada)
    before = world.rows_of(world.ada)

    answer = call(twin.person.token, {**twin.ids, **MINE})

    assert code_of(answer) is None, answer.text
    assert world.rows_of(world.ada) == before


# What shows in no answer above: where a new row stands, what logging in keeps, and what hangs on what.


@pytest.mark.parametrize(("path", "body"), [("/api/me/tasks", {"title": "x"}), ("/api/me/lists", {"name": "x"})])
def test_a_new_row_stands_after_ones_own_alone(each_world: World, path: str, body: dict[str, str]) -> None:
    someone, another = throwaway(each_world), throwaway(each_world)
    far = each_world.send("POST", path, another.token, json={**body, "position": 1e9})
    positions = [each_world.send("POST", path, someone.token, json=body).json()["position"] for _ in range(2)]

    assert far.status_code == 201
    assert positions == [1, 2]


def test_logging_in_makes_ones_own_hash_anew_and_no_others(each_world: World) -> None:
    someone, owner = throwaway(each_world), each_world.service.database.owner
    run_sql(owner, 'UPDATE "user" SET password_hash = %s WHERE id = %s', argon2.using(rounds=1).hash(PASSWORD), someone.id)
    before = each_world.rows_of(each_world.ada)

    form = {"username": someone.email, "password": PASSWORD}
    assert each_world.send("POST", "/api/auth/login", None, data=form).status_code == 200

    ((kept,),) = run_sql(owner, 'SELECT password_hash FROM "user" WHERE id = %s', someone.id)
    assert "t=2" in str(kept)
    assert each_world.rows_of(each_world.ada) == before


def test_a_password_is_held_against_ones_own_hash(each_world: World) -> None:
    someone = throwaway(each_world)
    before = each_world.rows_of(each_world.ada)

    change = {"password": "another one entirely", "current_password": PASSWORD}
    assert each_world.send("PATCH", "/api/auth/me", someone.token, json=change).status_code == 200

    form = {"username": someone.email, "password": change["password"]}
    assert each_world.send("POST", "/api/auth/login", None, data=form).status_code == 200
    assert each_world.rows_of(each_world.ada) == before


def test_what_hangs_together_of_anothers_does_not_of_a_twins(each_world: World) -> None:
    """She has the same ids, and nothing hangs on anything."""
    ids, someone = each_world.ada.ids, throwaway(each_world)
    with RestDoor(each_world.service.url, someone.token) as door:
        door.create("list", id=ids["list"], name="x")
        door.create("tag", id=ids["tag"], name="x")
        for kind in ("task", "subtask"):
            door.create("task", id=ids[kind], title="x", list_id=ids["list"])
        both = {ids["task"], ids["subtask"]}

        def found(tree: Mapping[str, Any]) -> set[str]:
            return {task["id"] for task in door.send("GET", f"/api/me/tasks?filter={json.dumps(tree)}").json()}

        for relation in ("tags", "comments", "subtasks"):
            assert found({relation: {"some": {}}}) == set(), relation
            assert found({relation: {"none": {}}}) == both, relation
        assert found({"list": {"name": {"contains": each_world.ada.word}}}) == set()
        assert found({"list": {"name": {"eq": "x"}}}) == both
        assert door.send("GET", f"/api/me/tasks?tag_id={ids['tag']}").json() == []
        assert door.get("task", ids["task"])["tag_ids"] == []
        assert door.update("task", ids["task"], parent_id=ids["subtask"])["parent_id"] == ids["subtask"]
        door.delete("task", ids["task"])
        assert door.get("task", ids["subtask"])["id"] == ids["subtask"]
    seen = graph_call(each_world, "{ tasks { nodes { tags { id } } } tags { nodes { tasks { totalCount nodes { id } } } } }")
    assert seen(someone.token, {}).json()["data"] == {
        "tasks": {"nodes": [{"tags": []}]},
        "tags": {"nodes": [{"tasks": {"totalCount": 0, "nodes": []}}]},
    }


@pytest.mark.parametrize(("path", "noun"), [("lists", "TaskList"), ("tags", "Tag")])
def test_a_node_is_found_under_the_id_of_anothers_task(each_world: World, path: str, noun: str) -> None:
    someone, row_id = throwaway(each_world), each_world.ada.ids["task"]
    each_world.send("POST", f"/api/me/{path}", someone.token, json={"id": row_id, "name": "x"})

    answer = graph_call(each_world, f'{{ node(id: "{row_id}") {{ __typename id }} }}')(someone.token, {})

    assert answer.json()["data"] == {"node": {"__typename": noun, "id": row_id}}
