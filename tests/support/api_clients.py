"""REST and GraphQL clients with the same methods, so that one test runs over both APIs.

Rows are returned as REST formats them, without user_id. Errors are raised as ApiError.
"""

import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
import pytest

from models.schemas.query_params import DEFAULT_PAGE_SIZE
from services.query_engine.case_conversion import to_camel_case, to_snake_case

Row = dict[str, Any]

# Loading the system's certificates takes longer than most tests, and no test uses TLS.
TLS = ssl.create_default_context()


@dataclass
class ApiError(Exception):
    """An error with the parts that both APIs have in common."""

    code: str
    status: int
    detail: str
    pointers: list[str]
    current: Any = None


class ApiClient(ABC):
    """A client of one API with one access token."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, verify=TLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def create(self, kind: str, **fields: Any) -> Row:
        return self.write("create", kind, None, fields)

    def update(self, kind: str, row_id: str, revision: int | None = None, **fields: Any) -> Row:
        return self.write("update", kind, row_id, fields, revision)

    @abstractmethod
    def write(self, verb: str, kind: str, row_id: str | None, fields: Mapping[str, Any], revision: int | None = None) -> Row: ...
    @abstractmethod
    def get(self, kind: str, row_id: str) -> Row: ...
    @abstractmethod
    def page(self, kind: str, **query: Any) -> list[Row]: ...
    @abstractmethod
    def delete(self, kind: str, row_id: str, revision: int | None = None) -> None: ...
    @abstractmethod
    def complete(self, task_id: str, *, completed: bool | None = None) -> Row: ...
    @abstractmethod
    def restore(self, task_id: str) -> Row: ...
    @abstractmethod
    def move(self, kind: str, row_id: str, revision: int | None = None, **place: Any) -> Row: ...
    @abstractmethod
    def move_tasks(self, ids: Sequence[str], **place: Any) -> list[Row]: ...
    @abstractmethod
    def add_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row: ...
    @abstractmethod
    def remove_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row: ...
    @abstractmethod
    def merge_tag(self, tag_id: str, into: str, revision: int | None = None) -> Row: ...
    @abstractmethod
    def comment(self, task_id: str, body: str, **fields: Any) -> Row: ...
    @abstractmethod
    def comments(self, task_id: str) -> list[Row]: ...
    @abstractmethod
    def register(self, **fields: Any) -> Row: ...
    @abstractmethod
    def log_in(self, email: str, password: str) -> Row: ...
    @abstractmethod
    def refresh(self, refresh_token: str) -> Row: ...
    @abstractmethod
    def log_out(self, refresh_token: str | None = None) -> None: ...
    @abstractmethod
    def sessions(self) -> list[Row]: ...
    @abstractmethod
    def end_session(self, session_id: str) -> None: ...
    @abstractmethod
    def end_other_sessions(self) -> None: ...
    @abstractmethod
    def api_tokens(self) -> list[Row]: ...
    @abstractmethod
    def make_api_token(self, **fields: Any) -> Row: ...
    @abstractmethod
    def delete_api_token(self, token_id: str) -> None: ...
    @abstractmethod
    def me(self) -> Row: ...
    @abstractmethod
    def change_me(self, **fields: Any) -> Row: ...
    @abstractmethod
    def delete_me(self) -> None: ...


PLURALS = {"task": "tasks", "list": "lists", "tag": "tags", "comment": "comments"}


ClientFactory = Callable[[str | None], ApiClient]


@contextmanager
def expect_error(code: str) -> Iterator[pytest.ExceptionInfo[ApiError]]:
    """Check that the block raises an ApiError of this code."""
    with pytest.raises(ApiError) as caught:
        yield caught
    if caught.value.code != code:
        raise caught.value


class RestClient(ApiClient):
    """A client of the REST API."""

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        response = self.http.request(method, path, **arguments)
        if response.is_success:
            return response
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = response.json()
        assert problem["status"] == problem["status_code"] == response.status_code
        assert problem["request_id"] == response.headers["x-request-id"]
        pointers = [error["pointer"] for error in problem.get("errors", [])]
        current = problem.get("current")
        raise ApiError(
            problem["error_code"], problem["status"], problem["detail"], pointers, _without_owner(current) if current else None
        )

    def problem(self, method: str, path: str, **arguments: Any) -> ApiError:
        """Send a request that must fail, and return its error."""
        with pytest.raises(ApiError) as caught:
            self.send(method, path, **arguments)
        return caught.value

    def write(self, verb: str, kind: str, row_id: str | None, fields: Mapping[str, Any], revision: int | None = None) -> Row:
        path = f"/api/me/{PLURALS[kind]}" + (f"/{row_id}" if row_id else "")
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        return _without_owner(self.send("PATCH" if row_id else "POST", path, json=dict(fields), headers=headers).json())

    def get(self, kind: str, row_id: str) -> Row:
        return _without_owner(self.send("GET", f"/api/me/{PLURALS[kind]}/{row_id}").json())

    def page(self, kind: str, **query: Any) -> list[Row]:
        if isinstance(query.get("filter"), dict):
            query["filter"] = json.dumps(query["filter"])
        return [_without_owner(row) for row in self.send("GET", f"/api/me/{PLURALS[kind]}", params=query).json()]

    def delete(self, kind: str, row_id: str, revision: int | None = None) -> None:
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        self.send("DELETE", f"/api/me/{PLURALS[kind]}/{row_id}", headers=headers)

    def complete(self, task_id: str, *, completed: bool | None = None) -> Row:
        body = {} if completed is None else {"json": {"completed": completed}}
        return _without_owner(self.send("PATCH", f"/api/me/tasks/{task_id}/complete", **body).json())

    def restore(self, task_id: str) -> Row:
        return _without_owner(self.send("POST", f"/api/me/tasks/{task_id}/restore").json())

    def move(self, kind: str, row_id: str, revision: int | None = None, **place: Any) -> Row:
        path = f"/api/me/{PLURALS[kind]}/{row_id}/move"
        return _without_owner(self.send("POST", path, json=place, headers=_if_match(revision)).json())

    def move_tasks(self, ids: Sequence[str], **place: Any) -> list[Row]:
        response = self.send("POST", "/api/me/tasks/move", json={"ids": ids, **place})
        return [_without_owner(row) for row in response.json()]

    def add_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row:
        path = f"/api/me/tasks/{task_id}/tags/{tag_id}"
        return _without_owner(self.send("PUT", path, headers=_if_match(revision)).json())

    def remove_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row:
        path = f"/api/me/tasks/{task_id}/tags/{tag_id}"
        return _without_owner(self.send("DELETE", path, headers=_if_match(revision)).json())

    def merge_tag(self, tag_id: str, into: str, revision: int | None = None) -> Row:
        response = self.send("POST", f"/api/me/tags/{tag_id}/merge", json={"into": into}, headers=_if_match(revision))
        return _without_owner(response.json())

    def comment(self, task_id: str, body: str, **fields: Any) -> Row:
        return _without_owner(self.send("POST", f"/api/me/tasks/{task_id}/comments", json={"body": body, **fields}).json())

    def comments(self, task_id: str) -> list[Row]:
        return [_without_owner(row) for row in self.send("GET", f"/api/me/tasks/{task_id}/comments").json()]

    def register(self, **fields: Any) -> Row:
        return dict(self.send("POST", "/api/auth/register", json=fields).json())

    def log_in(self, email: str, password: str) -> Row:
        return dict(self.send("POST", "/api/auth/login", data={"username": email, "password": password}).json())

    def refresh(self, refresh_token: str) -> Row:
        return dict(self.send("POST", "/api/auth/refresh", json={"refresh_token": refresh_token}).json())

    def log_out(self, refresh_token: str | None = None) -> None:
        body = {} if refresh_token is None else {"json": {"refresh_token": refresh_token}}
        self.send("POST", "/api/auth/logout", **body)

    def sessions(self) -> list[Row]:
        return list(self.send("GET", "/api/auth/sessions").json())

    def end_session(self, session_id: str) -> None:
        self.send("DELETE", f"/api/auth/sessions/{session_id}")

    def end_other_sessions(self) -> None:
        self.send("DELETE", "/api/auth/sessions")

    def api_tokens(self) -> list[Row]:
        return list(self.send("GET", "/api/auth/tokens").json())

    def make_api_token(self, **fields: Any) -> Row:
        return dict(self.send("POST", "/api/auth/tokens", json=fields).json())

    def delete_api_token(self, token_id: str) -> None:
        self.send("DELETE", f"/api/auth/tokens/{token_id}")

    def me(self) -> Row:
        return _account(self.send("GET", "/api/auth/me").json())

    def change_me(self, **fields: Any) -> Row:
        return _account(self.send("PATCH", "/api/auth/me", json=fields).json())

    def delete_me(self) -> None:
        self.send("DELETE", "/api/auth/me")


FIELDS = {
    "task": "id title description status completed priority list { id } parent { id } tags { id } position "
    "completedAt createdAt updatedAt revision",
    "list": "id name color position createdAt updatedAt revision",
    "tag": "id name color revision",
    "comment": "id body task { id } createdAt updatedAt revision",
}
ACCOUNT_FIELDS = "id email name revision"
TOKEN_FIELDS = "id name scopes createdAt lastUsedAt expiresAt"


class GraphQLClient(ApiClient):
    """A client of the GraphQL API."""

    def run(self, document: str, **variables: Any) -> Any:
        """Run an operation that must succeed, and return its data."""
        body = self.post({"query": document, "variables": variables})
        if "errors" not in body:
            return body["data"]
        error = body["errors"][0]
        extensions = error["extensions"]
        pointers = [
            "/".join(to_snake_case(part) for part in error["pointer"].split("/")) for error in extensions.get("errors", [])
        ]
        current = extensions.get("current")
        if current and len(current) == 1:
            current = next(iter(current.values()))
        raise ApiError(
            extensions["code"], extensions["status"], error["message"], pointers, rest_row(current) if current else None
        )

    def post(self, body: Any, **arguments: Any) -> Any:
        """Send any body, and return the response body."""
        response = self.http.post("/graphql", json=body, **arguments)
        assert response.headers["content-type"].startswith("application/"), response.text
        return response.json()

    def write(self, verb: str, kind: str, row_id: str | None, fields: Mapping[str, Any], revision: int | None = None) -> Row:
        type_name = kind.capitalize()
        graphql_input = graphql_fields(fields)
        if row_id is None:
            document = (
                f"mutation($i: Create{type_name}Input!) {{ p: create{type_name}(input: $i) {{ {kind} {{ {FIELDS[kind]} }} }} }}"
            )
            return rest_row(self.run(document, i=graphql_input)["p"][kind])
        document = (
            f"mutation($id: ID!, $i: Update{type_name}Input!, $r: Int) "
            f"{{ p: update{type_name}(id: $id, input: $i, ifRevision: $r) {{ {kind} {{ {FIELDS[kind]} }} }} }}"
        )
        return rest_row(self.run(document, id=row_id, i=graphql_input, r=revision)["p"][kind])

    def get(self, kind: str, row_id: str) -> Row:
        return rest_row(self.run(f"query($id: ID!) {{ {kind}(id: $id) {{ {FIELDS[kind]} }} }}", id=row_id)[kind])

    def page(self, kind: str, **query: Any) -> list[Row]:
        arguments, variables = page_arguments(query)
        document = f"query({arguments[0]}) {{ {PLURALS[kind]}({arguments[1]}) {{ nodes {{ {FIELDS[kind]} }} }} }}"
        if kind != "task":
            document = f"{{ {PLURALS[kind]} {{ nodes {{ {FIELDS[kind]} }} }} }}"
        return [rest_row(node) for node in self.run(document, **variables)[PLURALS[kind]]["nodes"]]

    def delete(self, kind: str, row_id: str, revision: int | None = None) -> None:
        type_name = kind.capitalize()
        document = f"mutation($id: ID!, $r: Int) {{ p: delete{type_name}(id: $id, ifRevision: $r) {{ id }} }}"
        assert self.run(document, id=row_id, r=revision)["p"] == {"id": row_id}

    def complete(self, task_id: str, *, completed: bool | None = None) -> Row:
        verb = {None: "toggleTask", True: "completeTask", False: "reopenTask"}[completed]
        return self._task(verb, task_id)

    def restore(self, task_id: str) -> Row:
        return self._task("restoreTask", task_id)

    def _task(self, verb: str, task_id: str) -> Row:
        document = f"mutation($id: ID!) {{ p: {verb}(id: $id) {{ task {{ {FIELDS['task']} }} }} }}"
        return rest_row(self.run(document, id=task_id)["p"]["task"])

    def move(self, kind: str, row_id: str, revision: int | None = None, **place: Any) -> Row:
        type_name = kind.capitalize()
        document = (
            f"mutation($id: ID!, $i: Move{type_name}Input!, $r: Int) "
            f"{{ p: move{type_name}(id: $id, input: $i, ifRevision: $r) {{ {kind} {{ {FIELDS[kind]} }} }} }}"
        )
        return rest_row(self.run(document, id=row_id, i=graphql_fields(place), r=revision)["p"][kind])

    def move_tasks(self, ids: Sequence[str], **place: Any) -> list[Row]:
        payload = f"{{ tasks {{ {FIELDS['task']} }} }}"
        document = f"mutation($ids: [ID!]!, $i: MoveTaskInput!) {{ p: moveTasks(ids: $ids, input: $i) {payload} }}"
        return [rest_row(node) for node in self.run(document, ids=ids, i=graphql_fields(place))["p"]["tasks"]]

    def add_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row:
        return self._change_tags("addTags", task_id, tag_id, revision)

    def remove_tag(self, task_id: str, tag_id: str, revision: int | None = None) -> Row:
        return self._change_tags("removeTags", task_id, tag_id, revision)

    def _change_tags(self, verb: str, task_id: str, tag_id: str, revision: int | None) -> Row:
        arguments = "id: $id, tagIds: [$tag], ifRevision: $r"
        document = f"mutation($id: ID!, $tag: ID!, $r: Int) {{ p: {verb}({arguments}) {{ task {{ {FIELDS['task']} }} }} }}"
        return rest_row(self.run(document, id=task_id, tag=tag_id, r=revision)["p"]["task"])

    def merge_tag(self, tag_id: str, into: str, revision: int | None = None) -> Row:
        arguments = "id: $id, into: $into, ifRevision: $r"
        document = f"mutation($id: ID!, $into: ID!, $r: Int) {{ p: mergeTags({arguments}) {{ tag {{ {FIELDS['tag']} }} }} }}"
        return rest_row(self.run(document, id=tag_id, into=into, r=revision)["p"]["tag"])

    def comment(self, task_id: str, body: str, **fields: Any) -> Row:
        document = f"mutation($i: AddCommentInput!) {{ p: addComment(input: $i) {{ comment {{ {FIELDS['comment']} }} }} }}"
        return rest_row(self.run(document, i={"taskId": task_id, "body": body, **graphql_fields(fields)})["p"]["comment"])

    def comments(self, task_id: str) -> list[Row]:
        document = f"query($id: ID!) {{ task(id: $id) {{ comments {{ nodes {{ {FIELDS['comment']} }} }} }} }}"
        return [rest_row(node) for node in self.run(document, id=task_id)["task"]["comments"]["nodes"]]

    def register(self, **fields: Any) -> Row:
        return self._authenticate("register", "RegisterInput", fields)

    def log_in(self, email: str, password: str) -> Row:
        return self._authenticate("logIn", "LogInInput", {"email": email, "password": password})

    def _authenticate(self, verb: str, kind: str, fields: Mapping[str, Any]) -> Row:
        selection = f"user {{ {ACCOUNT_FIELDS} }} accessToken refreshToken expiresIn"
        document = f"mutation($i: {kind}!) {{ p: {verb}(input: $i) {{ {selection} }} }}"
        graphql_input = self.run(document, i=fields)["p"]
        user = graphql_input.pop("user")
        return {"user": user, **{to_snake_case(name): value for name, value in graphql_input.items()}}

    def refresh(self, refresh_token: str) -> Row:
        return self._authenticate("refresh", "RefreshInput", {"refreshToken": refresh_token})

    def log_out(self, refresh_token: str | None = None) -> None:
        graphql_input = {} if refresh_token is None else {"refreshToken": refresh_token}
        self.run("mutation($i: LogOutInput) { logOut(input: $i) { sessionId } }", i=graphql_input)

    def sessions(self) -> list[Row]:
        fields = "id device createdAt lastUsedAt expiresAt current"
        return [rest_row(node) for node in self.run(f"{{ sessions {{ {fields} }} }}")["sessions"]]

    def end_session(self, session_id: str) -> None:
        assert self.run("mutation($id: ID!) { p: endSession(id: $id) { id } }", id=session_id)["p"] == {"id": session_id}

    def end_other_sessions(self) -> None:
        self.run("mutation { endOtherSessions { ids } }")

    def api_tokens(self) -> list[Row]:
        return [_token(node) for node in self.run(f"{{ apiTokens {{ {TOKEN_FIELDS} }} }}")["apiTokens"]]

    def make_api_token(self, **fields: Any) -> Row:
        document = (
            f"mutation($i: CreateApiTokenInput!) {{ p: createApiToken(input: $i) {{ secret apiToken {{ {TOKEN_FIELDS} }} }} }}"
        )
        graphql_input = graphql_fields(fields)
        graphql_input["scopes"] = [scope.replace(":", "_").upper() for scope in graphql_input["scopes"]]
        payload = self.run(document, i=graphql_input)["p"]
        return {**_token(payload["apiToken"]), "token": payload["secret"]}

    def delete_api_token(self, token_id: str) -> None:
        self.run("mutation($id: ID!) { deleteApiToken(id: $id) { id } }", id=token_id)

    def me(self) -> Row:
        return dict(self.run(f"{{ viewer {{ {ACCOUNT_FIELDS} }} }}")["viewer"])

    def change_me(self, **fields: Any) -> Row:
        document = f"mutation($i: UpdateAccountInput!) {{ p: updateAccount(input: $i) {{ user {{ {ACCOUNT_FIELDS} }} }} }}"
        return dict(self.run(document, i=graphql_fields(fields))["p"]["user"])

    def delete_me(self) -> None:
        self.run("mutation { deleteAccount { id } }")


def _if_match(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f'"{revision}"'}


def _without_owner(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if name != "user_id"}


def _account(account: Mapping[str, Any]) -> Row:
    return {name: account[name] for name in ACCOUNT_FIELDS.split()}


def graphql_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert field names and enums from REST to GraphQL; `completed` is a status there."""
    graphql_input = {to_camel_case(name): value for name, value in fields.items() if name != "completed"}
    for name in ("status", "priority", "to"):
        if isinstance(graphql_input.get(name), str):
            graphql_input[name] = graphql_input[name].upper()
    return graphql_input


def rest_row(node: Mapping[str, Any]) -> Row:
    """Convert a node from GraphQL to REST."""
    row: Row = {}
    for name, value in node.items():
        if name in {"list", "parent", "task"}:
            row[f"{name}_id"] = value["id"] if value else None
        elif name == "tags":
            row["tag_ids"] = sorted(tag["id"] for tag in value)
        elif name in {"status", "priority"}:
            row[name] = value.lower()
        else:
            row[to_snake_case(name)] = value
    return row


def _token(node: Mapping[str, Any]) -> Row:
    scopes = [scope.lower().replace("_", ":") for scope in node["scopes"]]
    return {**rest_row(node), "scopes": scopes}


def page_arguments(query: Mapping[str, Any]) -> tuple[tuple[str, str], dict[str, Any]]:
    """Convert simple query parameters of REST to arguments of `tasks`."""
    conditions: list[dict[str, Any]] = []
    variables: dict[str, Any] = {"first": query.get("limit", DEFAULT_PAGE_SIZE), "orderBy": _order(query.get("sort", ""))}
    conditions += [{name: {"eq": query[name].upper()}} for name in ("status", "priority") if query.get(name, "all") != "all"]
    conditions += [
        {to_camel_case(name): {"isNull": True} if query[name] == "null" else {"eq": query[name]}}
        for name in ("list_id", "parent_id")
        if name in query
    ]
    if "completed" in query:
        conditions.append({"completed": {"eq": query["completed"]}})
    if "tag_id" in query:
        conditions.append({"tags": {"some": {"id": {"eq": query["tag_id"]}}}})
    if "search" in query:
        variables["search"] = query["search"]
    if "filter" in query:
        conditions.append(graphql_filter(query["filter"]))
    variables["filter"] = {"and": conditions}
    declared = {"first": "Int", "orderBy": "[TaskOrder!]", "filter": "TaskFilter", "search": "String"}
    used = [name for name in declared if name in variables]
    return (
        (", ".join(f"${name}: {declared[name]}" for name in used), ", ".join(f"{name}: ${name}" for name in used)),
        variables,
    )


def graphql_filter(condition: Any, name: str = "") -> Any:
    """Convert a filter from REST to GraphQL: names to camelCase, enums to upper case."""
    match condition:
        case dict():
            inner = {key: key if key in {"status", "priority"} else name for key in condition}
            return {to_camel_case(key): graphql_filter(value, inner[key]) for key, value in condition.items()}
        case list():
            return [graphql_filter(value, name) for value in condition]
        case str() if name:
            return condition.upper()
        case _:
            return condition


def _order(sort: str) -> list[dict[str, str]] | None:
    terms: Sequence[str] = [term for term in sort.split(",") if term]
    return [
        {"field": term.removeprefix("-").upper(), "direction": "DESC" if term.startswith("-") else "ASC"} for term in terms
    ] or None
