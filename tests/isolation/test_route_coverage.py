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
from tests.support.api_clients import TLS, RestClient
from tests.support.invalid_tokens import EXTERNAL_ISSUER, Tokens, invalid_tokens
from tests.support.permission_matrix import NOT_IDEMPOTENT, OBJECT_TYPES, PUBLIC, REST, ROOTS, FieldSpec, RouteSpec, TypeSpec
from tests.support.resource_owner import KINDS, Ids, ResourceOwner, clone_with_same_ids, create_resource_owner, unknown_ids
from tests.support.service import SECRET, PostgresServer, RunningService, run_service, run_sql, settings_for
from tests.support.users import PASSWORD, TestUser, signed

SCHEMA: GraphQLSchema = build_schema()._schema
TABLE_NAMES = [str(table.__tablename__) for table in TABLES]
MINE = {"user": "me"}

Call = Callable[[str | None, Ids], httpx.Response]


class World:
    """A service with its people, and a client for all who come."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        self.http = httpx.Client(base_url=service.url, verify=TLS, timeout=30)
        self.victim = create_resource_owner(service.url, "Adaword")
        self.attacker = create_resource_owner(service.url, "Eveword")
        self.invalid_tokens: Tokens = invalid_tokens(service, self.victim.user)

    def send(self, method: str, path: str, token: str | None, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(method, path, headers=headers, **body)

    def rows_of(self, owner: ResourceOwner) -> list[Any]:
        """Return everything that the database holds of someone. `last_used_at` is all that reading may change."""
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
def inhabited(postgres: PostgresServer, *, row_level_security: bool) -> Iterator[World]:
    """Serve on a database of its own; whatever happened, nothing happened to Ada."""
    database = postgres.copy("template_todo")
    issuer = {"jwt_issuer": EXTERNAL_ISSUER["iss"], "jwt_audience": EXTERNAL_ISSUER["aud"]}
    with run_service(settings_for(database, **issuer), database) as service:
        if not row_level_security:
            for table in TABLE_NAMES:
                run_sql(database.owner, f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
        world = World(service)
        before = world.rows_of(world.victim)
        yield world
        world.http.close()
        assert world.rows_of(world.victim) == before


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    with inhabited(postgres, row_level_security=True) as world:
        yield world


@pytest.fixture(scope="module")
def bare_world(postgres: PostgresServer) -> Iterator[World]:
    with inhabited(postgres, row_level_security=False) as world:
        yield world


@pytest.fixture(scope="module", params=["world", "bare_world"])
def each_world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


def throwaway(world: World) -> TestUser:
    """Someone to whom anything may happen."""
    return TestUser.register(world.service.url)


# What is asked, and how.


def fill(text: str, ids: Mapping[str, str]) -> str:
    for kind in KINDS:
        text = text.replace(f"{{{kind}}}", ids.get(kind, "me"))
    return text


def rest_call(world: World, route: str, spec: RouteSpec) -> Call:
    method, path = route.split(" ")

    def call(token: str | None, ids: Ids) -> httpx.Response:
        body = {} if spec.json is None else {"json": json.loads(fill(json.dumps(spec.json), ids))}
        form = {} if spec.form is None else {"data": spec.form}
        return world.send(method, fill(path + spec.query, ids), token, **body, **form)

    return call


def graph_call(world: World, document: str) -> Call:
    def call(token: str | None, ids: Ids) -> httpx.Response:
        return world.send("POST", "/graphql", token, json={"query": fill(document, ids)})

    return call


def root_document(kind: str, name: str, field_spec: FieldSpec) -> str:
    field = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}[kind]
    assert field is not None
    return f"{kind} {{ {name}{field_spec.arguments} {selection(get_named_type(field.fields[name].type))} }}"


def noun_document(type_spec: TypeSpec, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> str:
    return type_spec.reached.replace("$", f"{name} {selection(get_named_type(owner.fields[name].type))}")


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
    for kind, field_spec in kinds.items():
        assert set(field_spec.fields if field_spec else ()) == set(ROOTS[kind]), kind


def test_every_field_of_every_object_type_is_declared() -> None:
    roots = {SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type}
    for name, kind in SCHEMA.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and kind not in roots and not name.startswith("__"):
            assert name in OBJECT_TYPES, name
            assert set(kind.fields) == set(OBJECT_TYPES[name].fields.split()), name


FIELDS = [(name, field) for name, type_spec in OBJECT_TYPES.items() for field in type_spec.fields.split()]
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
    type_spec, name = request.param
    return type_spec, name


# Another user gets the same for another's ids as for ids of nothing, to the byte.


def test_route_response_is_identical_for_foreign_and_unknown_ids(each_world: World, route: str) -> None:
    spec = REST[route]
    check_another(each_world, rest_call(each_world, route, spec), f"{route} {spec}")


def test_route_with_another_user_id_in_the_path_returns_403(each_world: World, route: str) -> None:
    spec = REST[route]
    if "{user}" not in route:
        return
    call, ids = rest_call(each_world, route, spec), unknown_ids()
    hers = call(each_world.attacker.user.token, each_world.victim.ids)

    assert hers.status_code == 403
    assert same_but_for_ids(hers, each_world.victim.ids) == same_but_for_ids(call(each_world.attacker.user.token, ids), ids)


def test_root_field_response_is_identical_for_foreign_and_unknown_ids(each_world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    document = root_document(kind, name, ROOTS[kind][name])
    check_another(each_world, graph_call(each_world, document), document)


def test_field_response_is_identical_for_foreign_and_unknown_ids(each_world: World, noun_field: tuple[str, str]) -> None:
    document = document_of(noun_field)
    check_another(each_world, graph_call(each_world, document), document)


def document_of(noun_field: tuple[str, str]) -> str:
    type_spec, name = noun_field
    kind = SCHEMA.type_map[type_spec]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return noun_document(OBJECT_TYPES[type_spec], kind, name)


def check_another(world: World, call: Call, request: str) -> None:
    nothing = unknown_ids()
    # What names no row answers about the caller's own; that may end what it answers about.
    names_rows = any(f"{{{kind}}}" in request for kind in KINDS if kind != "user")
    token = (world.attacker.user if names_rows else throwaway(world)).token

    hers = call(token, {**world.victim.ids, **MINE})
    if names_rows:
        theirs = call(token, {**nothing, **MINE})
        assert same_but_for_ids(hers, world.victim.ids) == same_but_for_ids(theirs, nothing)
    masked = same_but_for_ids(hers, world.victim.ids)[1] if names_rows else hers.text
    assert not [trace for trace in world.victim.private_values if trace in masked]
    assert hers.status_code != 500


# Nobody gets in with a token that is not good.


def test_unmodified_tokens_are_accepted(world: World) -> None:
    theirs = signed({"sub": world.victim.user.id, **EXTERNAL_ISSUER}, SECRET)
    ours = signed(jwt.decode(world.victim.user.token, options={"verify_signature": False}), SECRET)

    for good in (theirs, ours):
        assert world.send("GET", "/api/auth/me", good).json()["id"] == world.victim.user.id


def test_route_rejects_every_invalid_token(world: World, route: str) -> None:
    check_bad_tokens(world, rest_call(world, route, REST[route]), REST[route].scope)


def test_root_field_rejects_every_invalid_token(world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    check_bad_tokens(world, graph_call(world, root_document(kind, name, field_spec)), field_spec.scope)


def test_field_rejects_every_invalid_token(world: World, noun_field: tuple[str, str]) -> None:
    check_bad_tokens(world, graph_call(world, document_of(noun_field)), OBJECT_TYPES[noun_field[0]].scope)


def check_bad_tokens(world: World, call: Call, scope: str | None) -> None:
    nothing = unknown_ids()
    for kind, token in world.invalid_tokens.items():
        hers, theirs = call(token, {**world.victim.ids, **MINE}), call(token, {**nothing, **MINE})
        assert same_but_for_ids(hers, world.victim.ids) == same_but_for_ids(theirs, nothing), kind
        if scope is PUBLIC:
            anonymous = call(None, {**nothing, **MINE})
            assert same_but_for_ids(hers, world.victim.ids) == same_but_for_ids(anonymous, nothing), kind
        else:
            assert code_of(hers) == "UNAUTHENTICATED", kind
            assert hers.status_code == (401 if "graphql" not in str(hers.url) else 200), kind


def test_token_with_the_session_of_another_user_is_rejected(each_world: World) -> None:
    claims = jwt.decode(each_world.attacker.user.token, options={"verify_signature": False})

    for session, status in ((claims["sid"], 200), (each_world.victim.ids["session"], 401)):
        token = signed({**claims, "sid": session}, SECRET)
        assert each_world.send("GET", "/api/me/tasks", token).status_code == status


# A program does what its token's scopes say.


def test_route_requires_the_declared_scope(world: World, route: str) -> None:
    spec = REST[route]
    check_scopes(world, rest_call(world, route, spec), spec.scope, spec.by_api_token)


def test_root_field_requires_the_declared_scope(world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    check_scopes(world, graph_call(world, root_document(kind, name, field_spec)), field_spec.scope, field_spec.by_api_token)


def test_field_requires_the_declared_scope(world: World, noun_field: tuple[str, str]) -> None:
    type_spec = OBJECT_TYPES[noun_field[0]]
    check_scopes(world, graph_call(world, document_of(noun_field)), type_spec.scope, type_spec.by_api_token)


def check_scopes(world: World, call: Call, needed: str | None, by_api_token: bool) -> None:
    nothing = unknown_ids()
    for scope, token in world.victim.api_tokens.items():
        allowed = needed is PUBLIC or (by_api_token and Scope(needed) in widened([Scope(scope)]))
        if allowed:
            continue
        hers, theirs = call(token, {**world.victim.ids, **MINE}), call(token, {**nothing, **MINE})
        assert code_of(hers) == "FORBIDDEN", scope
        assert same_but_for_ids(hers, world.victim.ids) == same_but_for_ids(theirs, nothing), scope
    if needed is not PUBLIC and by_api_token:
        made = world.send("POST", "/api/auth/tokens", throwaway(world).token, json={"name": "x", "scopes": [needed]}).json()
        answer = call(made["token"], {**nothing, **MINE})
        assert code_of(answer) not in {"FORBIDDEN", "UNAUTHENTICATED", "INTERNAL"}


# Two users whose rows all have the same ids see each their own.

SHOWING = [route for route in REST if route.startswith("GET /api/{user}")]
SHOWN = [field for field in FIELDS if field[0] not in NOT_IDEMPOTENT]


@dataclass(frozen=True)
class UsersWithSharedIds:
    """Bea, what she was shown while she was alone, and Cat, whose rows have the ids of Bea's."""

    bea: ResourceOwner
    alone: dict[str, tuple[int, str, list[tuple[str, str]]]]
    cat: ResourceOwner


@pytest.fixture(scope="module")
def users_with_shared_ids(each_world: World) -> UsersWithSharedIds:
    bea = create_resource_owner(each_world.service.url, "Beaword")
    calls = {route: rest_call(each_world, route, REST[route]) for route in SHOWING}
    calls |= {".".join(field): graph_call(each_world, document_of(field)) for field in SHOWN}
    alone = {name: same_but_for_ids(call(bea.user.token, {**bea.ids, **MINE}), {}) for name, call in calls.items()}
    rows = {kind: bea.ids[kind] for kind in ("task", "subtask", "list", "tag", "comment")}
    return UsersWithSharedIds(bea, alone, create_resource_owner(each_world.service.url, "Catword", rows))


@pytest.mark.parametrize("route", SHOWING)
def test_route_returns_own_rows_when_ids_are_shared(
    each_world: World, users_with_shared_ids: UsersWithSharedIds, route: str
) -> None:
    check_twins(users_with_shared_ids, route, rest_call(each_world, route, REST[route]))


@pytest.mark.parametrize("noun_field", SHOWN, ids=".".join)
def test_field_returns_own_rows_when_ids_are_shared(
    each_world: World, users_with_shared_ids: UsersWithSharedIds, noun_field: tuple[str, str]
) -> None:
    check_twins(users_with_shared_ids, ".".join(noun_field), graph_call(each_world, document_of(noun_field)))


def check_twins(users_with_shared_ids: UsersWithSharedIds, name: str, call: Call) -> None:
    beas = call(users_with_shared_ids.bea.user.token, {**users_with_shared_ids.bea.ids, **MINE})
    cats = call(users_with_shared_ids.cat.user.token, {**users_with_shared_ids.cat.ids, **MINE})

    assert same_but_for_ids(beas, {}) == users_with_shared_ids.alone[name]
    assert code_of(beas) is code_of(cats) is None
    assert users_with_shared_ids.bea.word not in cats.text
    assert users_with_shared_ids.bea.user.id not in cats.text


# Who writes, writes her own, also where another's rows all have the same ids.


def test_route_writes_only_own_rows_when_ids_are_shared(each_world: World, route: str) -> None:
    spec = REST[route]
    if spec.scope is not PUBLIC and not route.startswith("GET"):
        check_writing(each_world, rest_call(each_world, route, spec))


def test_root_field_writes_only_own_rows_when_ids_are_shared(each_world: World, root_field: tuple[str, str]) -> None:
    kind, name = root_field
    field_spec = ROOTS[kind][name]
    if kind == "mutation" and field_spec.scope is not PUBLIC:
        check_writing(each_world, graph_call(each_world, root_document(kind, name, field_spec)))


def check_writing(world: World, call: Call) -> None:
    clone = clone_with_same_ids(world.service.database, world.victim)
    before = world.rows_of(world.victim)

    answer = call(clone.user.token, {**clone.ids, **MINE})

    assert code_of(answer) is None, answer.text
    assert world.rows_of(world.victim) == before


# What shows in no answer above: where a new row stands, what logging in keeps, and what hangs on what.


@pytest.mark.parametrize(("path", "body"), [("/api/me/tasks", {"title": "x"}), ("/api/me/lists", {"name": "x"})])
def test_default_position_ignores_rows_of_other_users(each_world: World, path: str, body: dict[str, str]) -> None:
    someone, another = throwaway(each_world), throwaway(each_world)
    far = each_world.send("POST", path, another.token, json={**body, "position": 1e9})
    positions = [each_world.send("POST", path, someone.token, json=body).json()["position"] for _ in range(2)]

    assert far.status_code == 201
    assert positions == [1, 2]


def test_login_rehash_changes_only_the_own_password_hash(each_world: World) -> None:
    someone, owner = throwaway(each_world), each_world.service.database.owner
    run_sql(owner, 'UPDATE "user" SET password_hash = %s WHERE id = %s', argon2.using(rounds=1).hash(PASSWORD), someone.id)
    before = each_world.rows_of(each_world.victim)

    form = {"username": someone.email, "password": PASSWORD}
    assert each_world.send("POST", "/api/auth/login", None, data=form).status_code == 200

    ((kept,),) = run_sql(owner, 'SELECT password_hash FROM "user" WHERE id = %s', someone.id)
    assert "t=2" in str(kept)
    assert each_world.rows_of(each_world.victim) == before


def test_current_password_is_checked_against_the_own_hash(each_world: World) -> None:
    someone = throwaway(each_world)
    before = each_world.rows_of(each_world.victim)

    change = {"password": "another one entirely", "current_password": PASSWORD}
    assert each_world.send("PATCH", "/api/auth/me", someone.token, json=change).status_code == 200

    form = {"username": someone.email, "password": change["password"]}
    assert each_world.send("POST", "/api/auth/login", None, data=form).status_code == 200
    assert each_world.rows_of(each_world.victim) == before


def test_relations_of_another_user_with_the_same_ids_are_not_visible(each_world: World) -> None:
    """She has the same ids, and nothing hangs on anything."""
    ids, someone = each_world.victim.ids, throwaway(each_world)
    with RestClient(each_world.service.url, someone.token) as client:
        client.create("list", id=ids["list"], name="x")
        client.create("tag", id=ids["tag"], name="x")
        for kind in ("task", "subtask"):
            client.create("task", id=ids[kind], title="x", list_id=ids["list"])
        both = {ids["task"], ids["subtask"]}

        def found(tree: Mapping[str, Any]) -> set[str]:
            return {task["id"] for task in client.send("GET", f"/api/me/tasks?filter={json.dumps(tree)}").json()}

        for relation in ("tags", "comments", "subtasks"):
            assert found({relation: {"some": {}}}) == set(), relation
            assert found({relation: {"none": {}}}) == both, relation
        assert found({"list": {"name": {"contains": each_world.victim.word}}}) == set()
        assert found({"list": {"name": {"eq": "x"}}}) == both
        assert client.send("GET", f"/api/me/tasks?tag_id={ids['tag']}").json() == []
        assert client.get("task", ids["task"])["tag_ids"] == []
        assert client.update("task", ids["task"], parent_id=ids["subtask"])["parent_id"] == ids["subtask"]
        client.delete("task", ids["task"])
        assert client.get("task", ids["subtask"])["id"] == ids["subtask"]
    seen = graph_call(each_world, "{ tasks { nodes { tags { id } } } tags { nodes { tasks { totalCount nodes { id } } } } }")
    assert seen(someone.token, {}).json()["data"] == {
        "tasks": {"nodes": [{"tags": []}]},
        "tags": {"nodes": [{"tasks": {"totalCount": 0, "nodes": []}}]},
    }


@pytest.mark.parametrize(("path", "type_name"), [("lists", "TaskList"), ("tags", "Tag")])
def test_node_returns_the_own_row_for_an_id_of_another_user(each_world: World, path: str, type_name: str) -> None:
    someone, row_id = throwaway(each_world), each_world.victim.ids["task"]
    each_world.send("POST", f"/api/me/{path}", someone.token, json={"id": row_id, "name": "x"})

    answer = graph_call(each_world, f'{{ node(id: "{row_id}") {{ __typename id }} }}')(someone.token, {})

    assert answer.json()["data"] == {"node": {"__typename": type_name, "id": row_id}}
