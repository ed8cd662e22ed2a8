"""Required scope and a valid request for every REST route and GraphQL field. Undeclared ones fail the suite.

Names in braces are ids: of another user's rows, unknown ones, or the user's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from graphql_schema.schema import build_schema
from tests.support.isolation.resource_owner import KINDS

READ, WRITE, ACCOUNT, PUBLIC = "tasks:read", "tasks:write", "account", None


@dataclass(frozen=True)
class RouteSpec:
    """A route's scope (PUBLIC needs no token), and a request that succeeds with the user's own ids."""

    scope: str | None
    query: str = ""
    json: Any = None
    form: Any = None
    by_api_token: bool = True


_TASKS, _LISTS, _TAGS, _COMMENTS = (f"/api/{{user}}/{kind}" for kind in ("tasks", "lists", "tags", "comments"))
_TASK, _LIST, _TAG, _COMMENT = _TASKS + "/{task}", _LISTS + "/{list}", _TAGS + "/{tag}", _COMMENTS + "/{comment}"
_EVERYTHING = "include=list.tasks,parent.tags.tasks,tags.tasks,subtasks.comments.task,comments.task"

REST: dict[str, RouteSpec] = {
    f"GET {_TASKS}": RouteSpec(READ, "?list_id={list}&tag_id={tag}&" + _EVERYTHING),
    f"POST {_TASKS}": RouteSpec(WRITE, json={"title": "x", "list_id": "{list}", "parent_id": "{task}", "tag_ids": ["{tag}"]}),
    f"GET {_TASK}": RouteSpec(READ, "?" + _EVERYTHING),
    f"PUT {_TASK}": RouteSpec(WRITE, json={"title": "x", "list_id": "{list}", "tag_ids": ["{tag}"]}),
    f"PATCH {_TASK}": RouteSpec(WRITE, json={"parent_id": None}),
    f"DELETE {_TASK}": RouteSpec(WRITE),
    f"PATCH {_TASK}/complete": RouteSpec(WRITE, json={"completed": True}),
    f"POST {_TASKS}/move": RouteSpec(WRITE, json={"ids": ["{subtask}"], "before": "{task}", "parent_id": None}),
    f"POST {_TASK}/move": RouteSpec(WRITE, json={"to": "first", "list_id": "{list}"}),
    f"POST {_TASK}/restore": RouteSpec(WRITE),
    f"PUT {_TASK}/tags/{{tag}}": RouteSpec(WRITE),
    f"DELETE {_TASK}/tags/{{tag}}": RouteSpec(WRITE),
    f"GET {_TASK}/subtasks": RouteSpec(READ, "?" + _EVERYTHING),
    f"GET {_TASK}/comments": RouteSpec(READ, "?include=task"),
    f"POST {_TASK}/comments": RouteSpec(WRITE, json={"body": "x"}),
    f"GET {_LISTS}": RouteSpec(READ, "?include=tasks"),
    f"POST {_LISTS}": RouteSpec(WRITE, json={"name": "x"}),
    f"GET {_LIST}": RouteSpec(READ, "?include=tasks.comments"),
    f"PUT {_LIST}": RouteSpec(WRITE, json={"name": "x"}),
    f"PATCH {_LIST}": RouteSpec(WRITE, json={"name": "x"}),
    f"DELETE {_LIST}": RouteSpec(WRITE),
    f"POST {_LIST}/move": RouteSpec(WRITE, json={"to": "first"}),
    f"GET {_LIST}/tasks": RouteSpec(READ, "?" + _EVERYTHING),
    f"GET {_TAGS}": RouteSpec(READ, "?include=tasks"),
    f"POST {_TAGS}": RouteSpec(WRITE, json={"name": "y"}),
    f"GET {_TAG}": RouteSpec(READ, "?include=tasks.comments"),
    f"PUT {_TAG}": RouteSpec(WRITE, json={"name": "z"}),
    f"PATCH {_TAG}": RouteSpec(WRITE, json={"name": "z"}),
    f"DELETE {_TAG}": RouteSpec(WRITE),
    f"POST {_TAG}/merge": RouteSpec(WRITE, json={"into": "{other_tag}"}),
    f"GET {_COMMENT}": RouteSpec(READ, "?include=task.list"),
    f"PUT {_COMMENT}": RouteSpec(WRITE, json={"body": "x"}),
    f"PATCH {_COMMENT}": RouteSpec(WRITE, json={"body": "x"}),
    f"DELETE {_COMMENT}": RouteSpec(WRITE),
    "POST /api/auth/register": RouteSpec(PUBLIC, json={"email": "not an address", "password": "x"}),
    "POST /api/auth/login": RouteSpec(PUBLIC, form={"username": "unknown@example.com", "password": "wrong password"}),
    "POST /api/auth/refresh": RouteSpec(PUBLIC, json={"refresh_token": "todo_refresh_x.y"}),
    "POST /api/auth/logout": RouteSpec(ACCOUNT, by_api_token=False),
    "GET /api/auth/me": RouteSpec(ACCOUNT),
    "PATCH /api/auth/me": RouteSpec(ACCOUNT, json={"name": "x"}),
    "DELETE /api/auth/me": RouteSpec(ACCOUNT),
    "GET /api/auth/sessions": RouteSpec(ACCOUNT),
    "DELETE /api/auth/sessions": RouteSpec(ACCOUNT),
    "DELETE /api/auth/sessions/{session}": RouteSpec(ACCOUNT),
    "GET /api/auth/tokens": RouteSpec(ACCOUNT),
    "POST /api/auth/tokens": RouteSpec(ACCOUNT, json={"name": "x", "scopes": ["account"]}, by_api_token=False),
    "DELETE /api/auth/tokens/{token}": RouteSpec(ACCOUNT),
    "GET /": RouteSpec(PUBLIC),
    "GET /api": RouteSpec(PUBLIC),
    "GET /favicon.ico": RouteSpec(PUBLIC),
    "GET /health": RouteSpec(PUBLIC),
    "GET /ready": RouteSpec(PUBLIC),
    "GET /docs": RouteSpec(PUBLIC),
    "HEAD /docs": RouteSpec(PUBLIC),
    "GET /openapi.json": RouteSpec(PUBLIC),
    "HEAD /openapi.json": RouteSpec(PUBLIC),
    # The GraphiQL page, and the error for an empty request; GraphQL fields are declared below.
    "GET /graphql": RouteSpec(PUBLIC),
    "HEAD /graphql": RouteSpec(PUBLIC),
    "POST /graphql": RouteSpec(PUBLIC, json={"query": "{ __typename }"}),
}


@dataclass(frozen=True)
class FieldSpec:
    """A root field's scope and arguments, and whether API tokens may use it."""

    scope: str | None
    arguments: str = ""
    by_api_token: bool = True


_ID = '(id: "{%s}")'
QUERIES: dict[str, FieldSpec] = {
    "viewer": FieldSpec(ACCOUNT),
    "sessions": FieldSpec(ACCOUNT),
    "apiTokens": FieldSpec(ACCOUNT),
    "node": FieldSpec(READ, _ID % "comment"),
    "task": FieldSpec(READ, _ID % "task"),
    "list": FieldSpec(READ, _ID % "list"),
    "tag": FieldSpec(READ, _ID % "tag"),
    "tasks": FieldSpec(
        READ, '(filter: {or: [{listId: {eq: "{list}"}}, {parentId: {eq: "{task}"}}, {tags: {some: {id: {eq: "{tag}"}}}}]})'
    ),
    "lists": FieldSpec(READ),
    "tags": FieldSpec(READ),
}
MUTATIONS: dict[str, FieldSpec] = {
    "register": FieldSpec(PUBLIC, '(input: {email: "not an address", password: "x"})'),
    "logIn": FieldSpec(PUBLIC, '(input: {email: "unknown@example.com", password: "wrong password"})'),
    "refresh": FieldSpec(PUBLIC, '(input: {refreshToken: "todo_refresh_x.y"})'),
    "logOut": FieldSpec(ACCOUNT, by_api_token=False),
    "endSession": FieldSpec(ACCOUNT, _ID % "session"),
    "endOtherSessions": FieldSpec(ACCOUNT),
    "createApiToken": FieldSpec(ACCOUNT, '(input: {name: "x", scopes: [ACCOUNT]})', by_api_token=False),
    "deleteApiToken": FieldSpec(ACCOUNT, _ID % "token"),
    "updateAccount": FieldSpec(ACCOUNT, '(input: {name: "x"})'),
    "deleteAccount": FieldSpec(ACCOUNT),
    "createTask": FieldSpec(WRITE, '(input: {title: "x", listId: "{list}", parentId: "{task}", tagIds: ["{tag}"]})'),
    "createTasks": FieldSpec(WRITE, '(inputs: [{title: "x", listId: "{list}"}, {title: "y", parentId: "{task}"}])'),
    "updateTask": FieldSpec(WRITE, '(id: "{task}", input: {title: "x", listId: "{list}"})'),
    "updateTasks": FieldSpec(WRITE, '(ids: ["{task}", "{subtask}"], input: {tagIds: ["{tag}"]})'),
    "completeTask": FieldSpec(WRITE, _ID % "task"),
    "completeTasks": FieldSpec(WRITE, '(ids: ["{task}", "{subtask}"])'),
    "reopenTask": FieldSpec(WRITE, _ID % "task"),
    "toggleTask": FieldSpec(WRITE, _ID % "task"),
    "moveTask": FieldSpec(WRITE, '(id: "{task}", input: {to: FIRST, listId: "{list}"})'),
    "moveTasks": FieldSpec(WRITE, '(ids: ["{subtask}"], input: {before: "{task}", parentId: null})'),
    "deleteTask": FieldSpec(WRITE, _ID % "task"),
    "deleteTasks": FieldSpec(WRITE, '(ids: ["{task}", "{subtask}"])'),
    "restoreTask": FieldSpec(WRITE, _ID % "task"),
    "createList": FieldSpec(WRITE, '(input: {name: "x"})'),
    "updateList": FieldSpec(WRITE, '(id: "{list}", input: {name: "x"})'),
    "moveList": FieldSpec(WRITE, '(id: "{list}", input: {to: FIRST})'),
    "deleteList": FieldSpec(WRITE, _ID % "list"),
    "createTag": FieldSpec(WRITE, '(input: {name: "z"})'),
    "updateTag": FieldSpec(WRITE, '(id: "{tag}", input: {name: "z"})'),
    "addTags": FieldSpec(WRITE, '(id: "{task}", tagIds: ["{tag}"])'),
    "removeTags": FieldSpec(WRITE, '(id: "{task}", tagIds: ["{tag}"])'),
    "mergeTags": FieldSpec(WRITE, '(id: "{tag}", into: "{other_tag}")'),
    "deleteTag": FieldSpec(WRITE, _ID % "tag"),
    "addComment": FieldSpec(WRITE, '(input: {taskId: "{task}", body: "x"})'),
    "updateComment": FieldSpec(WRITE, '(id: "{comment}", input: {body: "x"})'),
    "deleteComment": FieldSpec(WRITE, _ID % "comment"),
}
ROOTS = {"query": QUERIES, "mutation": MUTATIONS, "subscription": dict[str, FieldSpec]()}


@dataclass(frozen=True)
class TypeSpec:
    """An object type's scope and fields, and an operation that selects it, with $ in place of the fields."""

    scope: str | None
    operation: str
    fields: str
    by_api_token: bool = True


_IN_LIST, _IN_TASK = 'list(id: "{list}")', 'task(id: "{task}")'
_PAGE = "edges nodes pageInfo totalCount"
OBJECT_TYPES: dict[str, TypeSpec] = {
    "Node": TypeSpec(READ, 'query { node(id: "{tag}") { $ } }', "id"),
    "Task": TypeSpec(
        READ,
        f"query {{ {_IN_TASK} {{ $ }} }}",
        "id title description status completed priority position completedAt createdAt updatedAt revision "
        "list parent tags subtasks comments",
    ),
    "TaskList": TypeSpec(READ, f"query {{ {_IN_LIST} {{ $ }} }}", "id name color position createdAt updatedAt revision tasks"),
    "Tag": TypeSpec(READ, 'query { tag(id: "{tag}") { $ } }', "id name color revision tasks"),
    "Comment": TypeSpec(
        READ, 'query { node(id: "{comment}") { ... on Comment { $ } } }', "id body createdAt updatedAt revision task"
    ),
    "TaskConnection": TypeSpec(READ, f"query {{ {_IN_LIST} {{ tasks {{ $ }} }} }}", _PAGE),
    "TaskEdge": TypeSpec(READ, f"query {{ {_IN_LIST} {{ tasks {{ edges {{ $ }} }} }} }}", "cursor node"),
    "CommentConnection": TypeSpec(READ, f"query {{ {_IN_TASK} {{ comments {{ $ }} }} }}", _PAGE),
    "CommentEdge": TypeSpec(READ, f"query {{ {_IN_TASK} {{ comments {{ edges {{ $ }} }} }} }}", "cursor node"),
    "TaskListConnection": TypeSpec(READ, "query { lists { $ } }", _PAGE),
    "TaskListEdge": TypeSpec(READ, "query { lists { edges { $ } } }", "cursor node"),
    "TagConnection": TypeSpec(READ, "query { tags { $ } }", _PAGE),
    "TagEdge": TypeSpec(READ, "query { tags { edges { $ } } }", "cursor node"),
    "PageInfo": TypeSpec(
        READ, f"query {{ {_IN_LIST} {{ tasks {{ pageInfo {{ $ }} }} }} }}", "hasNextPage hasPreviousPage startCursor endCursor"
    ),
    "Viewer": TypeSpec(ACCOUNT, "query { viewer { $ } }", "id email name revision"),
    "Session": TypeSpec(ACCOUNT, "query { sessions { $ } }", "id device createdAt lastUsedAt expiresAt current"),
    "ApiToken": TypeSpec(ACCOUNT, "query { apiTokens { $ } }", "id name scopes createdAt lastUsedAt expiresAt"),
    "TaskPayload": TypeSpec(WRITE, 'mutation { updateTask(id: "{task}", input: {}) { $ } }', "task"),
    "TasksPayload": TypeSpec(WRITE, 'mutation { updateTasks(ids: ["{task}"], input: {}) { $ } }', "tasks"),
    "ListPayload": TypeSpec(WRITE, 'mutation { updateList(id: "{list}", input: {}) { $ } }', "list"),
    "TagPayload": TypeSpec(WRITE, 'mutation { updateTag(id: "{tag}", input: {}) { $ } }', "tag"),
    "CommentPayload": TypeSpec(WRITE, 'mutation { updateComment(id: "{comment}", input: {}) { $ } }', "comment"),
    "DeletePayload": TypeSpec(WRITE, 'mutation { deleteTask(id: "{task}") { $ } }', "id"),
    "DeleteManyPayload": TypeSpec(WRITE, 'mutation { deleteTasks(ids: ["{task}"]) { $ } }', "ids"),
    "AccountPayload": TypeSpec(ACCOUNT, "mutation { updateAccount(input: {}) { $ } }", "user"),
    "AuthPayload": TypeSpec(
        PUBLIC, 'mutation { refresh(input: {refreshToken: "x"}) { $ } }', "user accessToken refreshToken expiresIn"
    ),
    "LogOutPayload": TypeSpec(ACCOUNT, "mutation { logOut { $ } }", "sessionId", by_api_token=False),
    "ApiTokenPayload": TypeSpec(
        ACCOUNT, 'mutation { createApiToken(input: {name: "x", scopes: [ACCOUNT]}) { $ } }', "apiToken secret", by_api_token=False
    ),
}
# Types of operations that cannot be repeated as the same user.
NOT_IDEMPOTENT = {"DeletePayload", "DeleteManyPayload", "LogOutPayload", "ApiTokenPayload", "AuthPayload"}

SCHEMA: GraphQLSchema = build_schema()._schema
FIELDS = [(name, field) for name, type_spec in OBJECT_TYPES.items() for field in type_spec.fields.split()]
ROOT_FIELDS = [(kind, name) for kind, roots in ROOTS.items() for name in roots]


def fill_ids(text: str, ids: Mapping[str, str]) -> str:
    for kind in KINDS:
        text = text.replace(f"{{{kind}}}", ids.get(kind, "me"))
    return text


def root_field_document(kind: str, name: str, field_spec: FieldSpec) -> str:
    field = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}[kind]
    assert field is not None
    return f"{kind} {{ {name}{field_spec.arguments} {selection(get_named_type(field.fields[name].type))} }}"


def type_field_document(type_spec: TypeSpec, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> str:
    return type_spec.operation.replace("$", f"{name} {selection(get_named_type(owner.fields[name].type))}")


def field_document(type_field: tuple[str, str]) -> str:
    type_name, name = type_field
    kind = SCHEMA.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return type_field_document(OBJECT_TYPES[type_name], kind, name)


def selection(kind: Any, depth: int = 2) -> str:
    """Return a selection of a type's leaf fields, and of the leaf fields down to this depth."""
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
