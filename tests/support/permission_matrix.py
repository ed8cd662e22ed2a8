"""What every REST route and every GraphQL field expects of its caller. One that is not declared here fails the suite.

Places in braces are ids: of another's rows, of nothing, of one's own.
"""

from dataclasses import dataclass
from typing import Any

READ, WRITE, ACCOUNT, OPEN = "tasks:read", "tasks:write", "account", None


@dataclass(frozen=True)
class Expected:
    """Which scope it takes (OPEN: not even a token), and a request that would succeed if the ids were one's own."""

    scope: str | None
    query: str = ""
    json: Any = None
    form: Any = None
    by_api_token: bool = True


_TASKS, _LISTS, _TAGS, _COMMENTS = (f"/api/{{user}}/{kind}" for kind in ("tasks", "lists", "tags", "comments"))
_TASK, _LIST, _TAG, _COMMENT = _TASKS + "/{task}", _LISTS + "/{list}", _TAGS + "/{tag}", _COMMENTS + "/{comment}"
_EVERYTHING = "include=list.tasks,parent.tags.tasks,tags.tasks,subtasks.comments.task,comments.task"

REST: dict[str, Expected] = {
    f"GET {_TASKS}": Expected(READ, "?list_id={list}&tag_id={tag}&" + _EVERYTHING),
    f"POST {_TASKS}": Expected(WRITE, json={"title": "x", "list_id": "{list}", "parent_id": "{task}", "tag_ids": ["{tag}"]}),
    f"GET {_TASK}": Expected(READ, "?" + _EVERYTHING),
    f"PUT {_TASK}": Expected(WRITE, json={"title": "x", "list_id": "{list}", "tag_ids": ["{tag}"]}),
    f"PATCH {_TASK}": Expected(WRITE, json={"parent_id": None}),
    f"DELETE {_TASK}": Expected(WRITE),
    f"PATCH {_TASK}/complete": Expected(WRITE, json={"completed": True}),
    f"POST {_TASK}/restore": Expected(WRITE),
    f"GET {_TASK}/subtasks": Expected(READ, "?" + _EVERYTHING),
    f"GET {_TASK}/comments": Expected(READ, "?include=task"),
    f"POST {_TASK}/comments": Expected(WRITE, json={"body": "x"}),
    f"GET {_LISTS}": Expected(READ, "?include=tasks"),
    f"POST {_LISTS}": Expected(WRITE, json={"name": "x"}),
    f"GET {_LIST}": Expected(READ, "?include=tasks.comments"),
    f"PUT {_LIST}": Expected(WRITE, json={"name": "x"}),
    f"PATCH {_LIST}": Expected(WRITE, json={"name": "x"}),
    f"DELETE {_LIST}": Expected(WRITE),
    f"GET {_LIST}/tasks": Expected(READ, "?" + _EVERYTHING),
    f"GET {_TAGS}": Expected(READ, "?include=tasks"),
    f"POST {_TAGS}": Expected(WRITE, json={"name": "y"}),
    f"GET {_TAG}": Expected(READ, "?include=tasks.comments"),
    f"PUT {_TAG}": Expected(WRITE, json={"name": "z"}),
    f"PATCH {_TAG}": Expected(WRITE, json={"name": "z"}),
    f"DELETE {_TAG}": Expected(WRITE),
    f"GET {_COMMENT}": Expected(READ, "?include=task.list"),
    f"PUT {_COMMENT}": Expected(WRITE, json={"body": "x"}),
    f"PATCH {_COMMENT}": Expected(WRITE, json={"body": "x"}),
    f"DELETE {_COMMENT}": Expected(WRITE),
    "POST /api/auth/register": Expected(OPEN, json={"email": "nobody", "password": "x"}),
    "POST /api/auth/login": Expected(OPEN, form={"username": "nobody@example.com", "password": "wrong password"}),
    "POST /api/auth/refresh": Expected(OPEN, json={"refresh_token": "todo_refresh_x.y"}),
    "POST /api/auth/logout": Expected(ACCOUNT, by_api_token=False),
    "GET /api/auth/me": Expected(ACCOUNT),
    "PATCH /api/auth/me": Expected(ACCOUNT, json={"name": "x"}),
    "DELETE /api/auth/me": Expected(ACCOUNT),
    "GET /api/auth/sessions": Expected(ACCOUNT),
    "DELETE /api/auth/sessions": Expected(ACCOUNT),
    "DELETE /api/auth/sessions/{session}": Expected(ACCOUNT),
    "GET /api/auth/tokens": Expected(ACCOUNT),
    "POST /api/auth/tokens": Expected(ACCOUNT, json={"name": "x", "scopes": ["account"]}, by_api_token=False),
    "DELETE /api/auth/tokens/{token}": Expected(ACCOUNT),
    "GET /": Expected(OPEN),
    "GET /health": Expected(OPEN),
    "GET /ready": Expected(OPEN),
    "GET /docs": Expected(OPEN),
    "GET /openapi.json": Expected(OPEN),
    "HEAD /openapi.json": Expected(OPEN),
    # The explorer's page, and what is wrong with an empty request; operations are walked field by field.
    "GET /graphql": Expected(OPEN),
    "HEAD /graphql": Expected(OPEN),
    "POST /graphql": Expected(OPEN, json={"query": "{ __typename }"}),
}


@dataclass(frozen=True)
class Root:
    """A root field: which scope it takes, how it is called, and whether by programs too."""

    scope: str | None
    arguments: str = ""
    by_api_token: bool = True


_ID = '(id: "{%s}")'
QUERIES: dict[str, Root] = {
    "viewer": Root(ACCOUNT),
    "sessions": Root(ACCOUNT),
    "apiTokens": Root(ACCOUNT),
    "node": Root(READ, _ID % "comment"),
    "task": Root(READ, _ID % "task"),
    "list": Root(READ, _ID % "list"),
    "tag": Root(READ, _ID % "tag"),
    "tasks": Root(
        READ, '(filter: {or: [{listId: {eq: "{list}"}}, {parentId: {eq: "{task}"}}, {tags: {some: {id: {eq: "{tag}"}}}}]})'
    ),
    "lists": Root(READ),
    "tags": Root(READ),
}
MUTATIONS: dict[str, Root] = {
    "register": Root(OPEN, '(input: {email: "nobody", password: "x"})'),
    "logIn": Root(OPEN, '(input: {email: "nobody@example.com", password: "wrong password"})'),
    "refresh": Root(OPEN, '(input: {refreshToken: "todo_refresh_x.y"})'),
    "logOut": Root(ACCOUNT, by_api_token=False),
    "endSession": Root(ACCOUNT, _ID % "session"),
    "endOtherSessions": Root(ACCOUNT),
    "createApiToken": Root(ACCOUNT, '(input: {name: "x", scopes: [ACCOUNT]})', by_api_token=False),
    "deleteApiToken": Root(ACCOUNT, _ID % "token"),
    "updateAccount": Root(ACCOUNT, '(input: {name: "x"})'),
    "deleteAccount": Root(ACCOUNT),
    "createTask": Root(WRITE, '(input: {title: "x", listId: "{list}", parentId: "{task}", tagIds: ["{tag}"]})'),
    "createTasks": Root(WRITE, '(inputs: [{title: "x", listId: "{list}"}, {title: "y", parentId: "{task}"}])'),
    "updateTask": Root(WRITE, '(id: "{task}", input: {title: "x", listId: "{list}"})'),
    "updateTasks": Root(WRITE, '(ids: ["{task}", "{subtask}"], input: {tagIds: ["{tag}"]})'),
    "completeTask": Root(WRITE, _ID % "task"),
    "completeTasks": Root(WRITE, '(ids: ["{task}", "{subtask}"])'),
    "reopenTask": Root(WRITE, _ID % "task"),
    "toggleTask": Root(WRITE, _ID % "task"),
    "deleteTask": Root(WRITE, _ID % "task"),
    "deleteTasks": Root(WRITE, '(ids: ["{task}", "{subtask}"])'),
    "restoreTask": Root(WRITE, _ID % "task"),
    "createList": Root(WRITE, '(input: {name: "x"})'),
    "updateList": Root(WRITE, '(id: "{list}", input: {name: "x"})'),
    "deleteList": Root(WRITE, _ID % "list"),
    "createTag": Root(WRITE, '(input: {name: "z"})'),
    "updateTag": Root(WRITE, '(id: "{tag}", input: {name: "z"})'),
    "deleteTag": Root(WRITE, _ID % "tag"),
    "addComment": Root(WRITE, '(input: {taskId: "{task}", body: "x"})'),
    "updateComment": Root(WRITE, '(id: "{comment}", input: {body: "x"})'),
    "deleteComment": Root(WRITE, _ID % "comment"),
}
ROOTS = {"query": QUERIES, "mutation": MUTATIONS, "subscription": dict[str, Root]()}


@dataclass(frozen=True)
class Noun:
    """An object type: an operation that reaches it, $ being where its fields go; its scope; and its fields."""

    scope: str | None
    reached: str
    fields: str
    by_api_token: bool = True


_IN_LIST, _IN_TASK = 'list(id: "{list}")', 'task(id: "{task}")'
_PAGE = "edges nodes pageInfo totalCount"
NOUNS: dict[str, Noun] = {
    "Node": Noun(READ, 'query { node(id: "{tag}") { $ } }', "id"),
    "Task": Noun(
        READ,
        f"query {{ {_IN_TASK} {{ $ }} }}",
        "id title description status completed priority position completedAt createdAt updatedAt revision "
        "list parent tags subtasks comments",
    ),
    "TaskList": Noun(READ, f"query {{ {_IN_LIST} {{ $ }} }}", "id name color position createdAt updatedAt revision tasks"),
    "Tag": Noun(READ, 'query { tag(id: "{tag}") { $ } }', "id name color revision tasks"),
    "Comment": Noun(
        READ, 'query { node(id: "{comment}") { ... on Comment { $ } } }', "id body createdAt updatedAt revision task"
    ),
    "TaskConnection": Noun(READ, f"query {{ {_IN_LIST} {{ tasks {{ $ }} }} }}", _PAGE),
    "TaskEdge": Noun(READ, f"query {{ {_IN_LIST} {{ tasks {{ edges {{ $ }} }} }} }}", "cursor node"),
    "CommentConnection": Noun(READ, f"query {{ {_IN_TASK} {{ comments {{ $ }} }} }}", _PAGE),
    "CommentEdge": Noun(READ, f"query {{ {_IN_TASK} {{ comments {{ edges {{ $ }} }} }} }}", "cursor node"),
    "TaskListConnection": Noun(READ, "query { lists { $ } }", _PAGE),
    "TaskListEdge": Noun(READ, "query { lists { edges { $ } } }", "cursor node"),
    "TagConnection": Noun(READ, "query { tags { $ } }", _PAGE),
    "TagEdge": Noun(READ, "query { tags { edges { $ } } }", "cursor node"),
    "PageInfo": Noun(
        READ, f"query {{ {_IN_LIST} {{ tasks {{ pageInfo {{ $ }} }} }} }}", "hasNextPage hasPreviousPage startCursor endCursor"
    ),
    "Viewer": Noun(ACCOUNT, "query { viewer { $ } }", "id email name revision"),
    "Session": Noun(ACCOUNT, "query { sessions { $ } }", "id device createdAt lastUsedAt expiresAt current"),
    "ApiToken": Noun(ACCOUNT, "query { apiTokens { $ } }", "id name scopes createdAt lastUsedAt expiresAt"),
    "TaskPayload": Noun(WRITE, 'mutation { updateTask(id: "{task}", input: {}) { $ } }', "task"),
    "TasksPayload": Noun(WRITE, 'mutation { updateTasks(ids: ["{task}"], input: {}) { $ } }', "tasks"),
    "ListPayload": Noun(WRITE, 'mutation { updateList(id: "{list}", input: {}) { $ } }', "list"),
    "TagPayload": Noun(WRITE, 'mutation { updateTag(id: "{tag}", input: {}) { $ } }', "tag"),
    "CommentPayload": Noun(WRITE, 'mutation { updateComment(id: "{comment}", input: {}) { $ } }', "comment"),
    "DeletePayload": Noun(WRITE, 'mutation { deleteTask(id: "{task}") { $ } }', "id"),
    "DeleteManyPayload": Noun(WRITE, 'mutation { deleteTasks(ids: ["{task}"]) { $ } }', "ids"),
    "AccountPayload": Noun(ACCOUNT, "mutation { updateAccount(input: {}) { $ } }", "user"),
    "AuthPayload": Noun(
        OPEN, 'mutation { refresh(input: {refreshToken: "x"}) { $ } }', "user accessToken refreshToken expiresIn"
    ),
    "LogOutPayload": Noun(ACCOUNT, "mutation { logOut { $ } }", "sessionId", by_api_token=False),
    "ApiTokenPayload": Noun(
        ACCOUNT, 'mutation { createApiToken(input: {name: "x", scopes: [ACCOUNT]}) { $ } }', "apiToken secret", by_api_token=False
    ),
}
# What undoes itself or somebody when it succeeds, so that it is not done as oneself over and over.
UNREPEATABLE = {"DeletePayload", "DeleteManyPayload", "LogOutPayload", "ApiTokenPayload", "AuthPayload"}
