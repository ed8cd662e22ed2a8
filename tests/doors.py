"""RestDoor and GraphQLDoor speak the same verbs and answer the same trees, so one test body runs through both.

Rows come back in the shape of REST without user_id. Errors are raised as DoorError, from whatever the door makes of them.
"""

import json
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from models.queries import DEFAULT_PAGE_SIZE
from services.reading.names import camel, snake

Row = dict[str, Any]

# Loading the system's certificates takes longer than most tests, and nothing here speaks TLS.
TLS = ssl.create_default_context()


@dataclass
class DoorError(Exception):
    """An error, as far as both doors tell it alike."""

    code: str
    status: int
    detail: str
    pointers: list[str]
    current: Any = None


class Door(ABC):
    """One caller at one door."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, verify=TLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def create(self, kind: str, **members: Any) -> Row:
        return self.write("create", kind, None, members)

    def update(self, kind: str, row_id: str, revision: int | None = None, **members: Any) -> Row:
        return self.write("update", kind, row_id, members, revision)

    @abstractmethod
    def write(self, verb: str, kind: str, row_id: str | None, members: Mapping[str, Any], revision: int | None = None) -> Row: ...
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
    def comment(self, task_id: str, body: str, **members: Any) -> Row: ...
    @abstractmethod
    def comments(self, task_id: str) -> list[Row]: ...
    @abstractmethod
    def register(self, **members: Any) -> Row: ...
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
    def make_api_token(self, **members: Any) -> Row: ...
    @abstractmethod
    def delete_api_token(self, token_id: str) -> None: ...
    @abstractmethod
    def me(self) -> Row: ...
    @abstractmethod
    def change_me(self, **members: Any) -> Row: ...
    @abstractmethod
    def delete_me(self) -> None: ...


PLURALS = {"task": "tasks", "list": "lists", "tag": "tags", "comment": "comments"}


Doors = Callable[[str | None], Door]


def refused(act: Callable[[], object]) -> str:
    """Return the code of the error that the act is refused with."""
    try:
        act()
    except DoorError as error:
        return error.code
    raise AssertionError("It was not refused.")


class RestDoor(Door):
    """REST."""

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        answer = self.http.request(method, path, **arguments)
        if answer.is_success:
            return answer
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == problem["status_code"] == answer.status_code
        assert problem["request_id"] == answer.headers["x-request-id"]
        pointers = [flaw["pointer"] for flaw in problem.get("errors", [])]
        current = problem.get("current")
        raise DoorError(
            problem["error_code"], problem["status"], problem["detail"], pointers, _without_owner(current) if current else None
        )

    def write(self, verb: str, kind: str, row_id: str | None, members: Mapping[str, Any], revision: int | None = None) -> Row:
        path = f"/api/me/{PLURALS[kind]}" + (f"/{row_id}" if row_id else "")
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        return _without_owner(self.send("PATCH" if row_id else "POST", path, json=dict(members), headers=headers).json())

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

    def comment(self, task_id: str, body: str, **members: Any) -> Row:
        return _without_owner(self.send("POST", f"/api/me/tasks/{task_id}/comments", json={"body": body, **members}).json())

    def comments(self, task_id: str) -> list[Row]:
        return [_without_owner(row) for row in self.send("GET", f"/api/me/tasks/{task_id}/comments").json()]

    def register(self, **members: Any) -> Row:
        return dict(self.send("POST", "/api/auth/register", json=members).json())

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

    def make_api_token(self, **members: Any) -> Row:
        return dict(self.send("POST", "/api/auth/tokens", json=members).json())

    def delete_api_token(self, token_id: str) -> None:
        self.send("DELETE", f"/api/auth/tokens/{token_id}")

    def me(self) -> Row:
        return _account(self.send("GET", "/api/auth/me").json())

    def change_me(self, **members: Any) -> Row:
        return _account(self.send("PATCH", "/api/auth/me", json=members).json())

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


class GraphQLDoor(Door):
    """GraphQL."""

    def run(self, document: str, **variables: Any) -> Any:
        """Run an operation that must succeed, and return its data."""
        body = self.post({"query": document, "variables": variables})
        if "errors" not in body:
            return body["data"]
        error = body["errors"][0]
        known = error["extensions"]
        pointers = ["/" + "/".join(snake(part) for part in flaw["pointer"].split("/")[1:]) for flaw in known.get("errors", [])]
        current = known.get("current")
        if current and len(current) == 1:
            current = next(iter(current.values()))
        raise DoorError(known["code"], known["status"], error["message"], pointers, _rested(current) if current else None)

    def post(self, body: Any, **arguments: Any) -> Any:
        """Send any body, and return what came back."""
        answer = self.http.post("/graphql", json=body, **arguments)
        assert answer.headers["content-type"].startswith("application/"), answer.text
        return answer.json()

    def write(self, verb: str, kind: str, row_id: str | None, members: Mapping[str, Any], revision: int | None = None) -> Row:
        noun = kind.capitalize()
        given = _graphed(members)
        if row_id is None:
            document = f"mutation($i: Create{noun}Input!) {{ p: create{noun}(input: $i) {{ {kind} {{ {FIELDS[kind]} }} }} }}"
            return _rested(self.run(document, i=given)["p"][kind])
        document = (
            f"mutation($id: ID!, $i: Update{noun}Input!, $r: Int) {{ p: update{noun}(id: $id, input: $i, ifRevision: $r) "
            f"{{ {kind} {{ {FIELDS[kind]} }} }} }}"
        )
        return _rested(self.run(document, id=row_id, i=given, r=revision)["p"][kind])

    def get(self, kind: str, row_id: str) -> Row:
        return _rested(self.run(f"query($id: ID!) {{ {kind}(id: $id) {{ {FIELDS[kind]} }} }}", id=row_id)[kind])

    def page(self, kind: str, **query: Any) -> list[Row]:
        arguments, variables = _page_arguments(query)
        document = f"query({arguments[0]}) {{ {PLURALS[kind]}({arguments[1]}) {{ nodes {{ {FIELDS[kind]} }} }} }}"
        if kind != "task":
            document = f"{{ {PLURALS[kind]} {{ nodes {{ {FIELDS[kind]} }} }} }}"
        return [_rested(node) for node in self.run(document, **variables)[PLURALS[kind]]["nodes"]]

    def delete(self, kind: str, row_id: str, revision: int | None = None) -> None:
        noun = kind.capitalize()
        document = f"mutation($id: ID!, $r: Int) {{ p: delete{noun}(id: $id, ifRevision: $r) {{ id }} }}"
        assert self.run(document, id=row_id, r=revision)["p"] == {"id": row_id}

    def complete(self, task_id: str, *, completed: bool | None = None) -> Row:
        verb = {None: "toggleTask", True: "completeTask", False: "reopenTask"}[completed]
        return self._task(verb, task_id)

    def restore(self, task_id: str) -> Row:
        return self._task("restoreTask", task_id)

    def _task(self, verb: str, task_id: str) -> Row:
        document = f"mutation($id: ID!) {{ p: {verb}(id: $id) {{ task {{ {FIELDS['task']} }} }} }}"
        return _rested(self.run(document, id=task_id)["p"]["task"])

    def comment(self, task_id: str, body: str, **members: Any) -> Row:
        document = f"mutation($i: AddCommentInput!) {{ p: addComment(input: $i) {{ comment {{ {FIELDS['comment']} }} }} }}"
        return _rested(self.run(document, i={"taskId": task_id, "body": body, **_graphed(members)})["p"]["comment"])

    def comments(self, task_id: str) -> list[Row]:
        document = f"query($id: ID!) {{ task(id: $id) {{ comments {{ nodes {{ {FIELDS['comment']} }} }} }} }}"
        return [_rested(node) for node in self.run(document, id=task_id)["task"]["comments"]["nodes"]]

    def register(self, **members: Any) -> Row:
        return self._admission("register", "RegisterInput", members)

    def log_in(self, email: str, password: str) -> Row:
        return self._admission("logIn", "LogInInput", {"email": email, "password": password})

    def _admission(self, verb: str, kind: str, members: Mapping[str, Any]) -> Row:
        answered = f"user {{ {ACCOUNT_FIELDS} }} accessToken refreshToken expiresIn"
        document = f"mutation($i: {kind}!) {{ p: {verb}(input: $i) {{ {answered} }} }}"
        given = self.run(document, i=members)["p"]
        user = given.pop("user")
        return {"user": user, **{snake(name): value for name, value in given.items()}}

    def refresh(self, refresh_token: str) -> Row:
        return self._admission("refresh", "RefreshInput", {"refreshToken": refresh_token})

    def log_out(self, refresh_token: str | None = None) -> None:
        given = {} if refresh_token is None else {"refreshToken": refresh_token}
        self.run("mutation($i: LogOutInput) { logOut(input: $i) { sessionId } }", i=given)

    def sessions(self) -> list[Row]:
        fields = "id device createdAt lastUsedAt expiresAt current"
        return [_rested(node) for node in self.run(f"{{ sessions {{ {fields} }} }}")["sessions"]]

    def end_session(self, session_id: str) -> None:
        assert self.run("mutation($id: ID!) { p: endSession(id: $id) { id } }", id=session_id)["p"] == {"id": session_id}

    def end_other_sessions(self) -> None:
        self.run("mutation { endOtherSessions { ids } }")

    def api_tokens(self) -> list[Row]:
        return [_token(node) for node in self.run(f"{{ apiTokens {{ {TOKEN_FIELDS} }} }}")["apiTokens"]]

    def make_api_token(self, **members: Any) -> Row:
        document = (
            f"mutation($i: CreateApiTokenInput!) {{ p: createApiToken(input: $i) {{ secret apiToken {{ {TOKEN_FIELDS} }} }} }}"
        )
        given = _graphed(members)
        given["scopes"] = [scope.replace(":", "_").upper() for scope in given["scopes"]]
        made = self.run(document, i=given)["p"]
        return {**_token(made["apiToken"]), "token": made["secret"]}

    def delete_api_token(self, token_id: str) -> None:
        self.run("mutation($id: ID!) { deleteApiToken(id: $id) { id } }", id=token_id)

    def me(self) -> Row:
        return dict(self.run(f"{{ viewer {{ {ACCOUNT_FIELDS} }} }}")["viewer"])

    def change_me(self, **members: Any) -> Row:
        document = f"mutation($i: UpdateAccountInput!) {{ p: updateAccount(input: $i) {{ user {{ {ACCOUNT_FIELDS} }} }} }}"
        return dict(self.run(document, i=_graphed(members))["p"]["user"])

    def delete_me(self) -> None:
        self.run("mutation { deleteAccount { id } }")


def _without_owner(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if name != "user_id"}


def _account(account: Mapping[str, Any]) -> Row:
    return {name: account[name] for name in ACCOUNT_FIELDS.split()}


def _graphed(members: Mapping[str, Any]) -> dict[str, Any]:
    """Spell members as GraphQL does; `completed` is a status there."""
    given = {camel(name): value for name, value in members.items() if name != "completed"}
    for name in ("status", "priority"):
        if isinstance(given.get(name), str):
            given[name] = given[name].upper()
    return given


def _rested(node: Mapping[str, Any]) -> Row:
    """Spell a node as REST does."""
    row: Row = {}
    for name, value in node.items():
        if name in {"list", "parent", "task"}:
            row[f"{name}_id"] = value["id"] if value else None
        elif name == "tags":
            row["tag_ids"] = sorted(tag["id"] for tag in value)
        elif name in {"status", "priority"}:
            row[name] = value.lower()
        else:
            row[snake(name)] = value
    return row


def _token(node: Mapping[str, Any]) -> Row:
    scopes = [scope.lower().replace("_", ":") for scope in node["scopes"]]
    return {**_rested(node), "scopes": scopes}


def _page_arguments(query: Mapping[str, Any]) -> tuple[tuple[str, str], dict[str, Any]]:
    """Turn the simple query parameters of REST into arguments of `tasks`."""
    conditions: list[dict[str, Any]] = []
    variables: dict[str, Any] = {"first": query.get("limit", DEFAULT_PAGE_SIZE), "orderBy": _order(query.get("sort", ""))}
    conditions += [{name: {"eq": query[name].upper()}} for name in ("status", "priority") if query.get(name, "all") != "all"]
    conditions += [
        {camel(name): {"isNull": True} if query[name] == "null" else {"eq": query[name]}}
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
        conditions.append(_graphed_filter(query["filter"]))
    variables["filter"] = {"and": conditions}
    declared = {"first": "Int", "orderBy": "[TaskOrder!]", "filter": "TaskFilter", "search": "String"}
    used = [name for name in declared if name in variables]
    return (
        (", ".join(f"${name}: {declared[name]}" for name in used), ", ".join(f"{name}: ${name}" for name in used)),
        variables,
    )


def _graphed_filter(tree: Any, name: str = "") -> Any:
    """Spell a filter of REST as GraphQL does: names in camelCase, enums in capitals."""
    match tree:
        case dict():
            inner = {key: key if key in {"status", "priority"} else name for key in tree}
            return {camel(key): _graphed_filter(value, inner[key]) for key, value in tree.items()}
        case list():
            return [_graphed_filter(value, name) for value in tree]
        case str() if name:
            return tree.upper()
        case _:
            return tree


def _order(sort: str) -> list[dict[str, str]] | None:
    terms: Sequence[str] = [term for term in sort.split(",") if term]
    return [
        {"field": term.removeprefix("-").upper(), "direction": "DESC" if term.startswith("-") else "ASC"} for term in terms
    ] or None
