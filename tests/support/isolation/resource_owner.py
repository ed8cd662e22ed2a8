"""Users who own one row of every type."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from sqlmodel import SQLModel

from tests.support.api_clients import RestClient
from tests.support.service import SECRET, PostgresServer, run_sql
from tests.support.users import PASSWORD, TestUser, sign_token

KINDS = ("user", "task", "subtask", "list", "tag", "other_tag", "comment", "session", "token")
Ids = dict[str, str]


@dataclass(frozen=True)
class ResourceOwner:
    """A user, the ids of the rows, and a word that all its texts contain."""

    user: TestUser
    ids: Ids
    word: str
    api_tokens: dict[str, str] = field(default_factory=dict)

    @property
    def private_values(self) -> list[str]:
        """Return the values that no response to another user may contain."""
        return [self.word, *self.ids.values()]


def create_resource_owner(url: str, word: str, row_ids: Ids | None = None) -> ResourceOwner:
    """Register a user with one row of every type; rows get these ids."""
    user = TestUser.register(url, name=word, email=f"{word.lower()}.{uuid4().hex}@example.com")
    ids = {kind: str(uuid4()) for kind in ("task", "subtask", "list", "tag", "other_tag", "comment")} | (row_ids or {})
    with RestClient(url, user.token) as client:
        client.create("list", id=ids["list"], name=word)
        client.create("tag", id=ids["tag"], name=word)
        client.create("tag", id=ids["other_tag"], name=f"{word} 2")
        fields: dict[str, Any] = {"title": word, "description": word, "list_id": ids["list"], "tag_ids": [ids["tag"]]}
        client.create("task", id=ids["task"], **fields)
        client.create("task", id=ids["subtask"], parent_id=ids["task"], **fields)
        client.comment(ids["task"], word, id=ids["comment"])
        client.http.headers["User-Agent"] = word
        client.log_in(user.email, PASSWORD)
        tokens = {scope: client.make_api_token(name=word, scopes=[scope]) for scope in ("tasks:read", "tasks:write", "account")}
        session_id = client.sessions()[0]["id"]
    account_ids = {"user": user.id, "session": session_id, "token": tokens["account"]["id"]}
    return ResourceOwner(user, {**ids, **account_ids}, word, {scope: created["token"] for scope, created in tokens.items()})


def clone_with_same_ids(database: PostgresServer, owner: ResourceOwner) -> ResourceOwner:
    """Create a user whose rows have the same ids and texts as the owner's."""
    user_id = str(uuid4())
    for table in SQLModel.metadata.sorted_tables:
        owner_column = "id" if table.name == "user" else "user_id"
        excluded = {owner_column, *(["email", "email_key"] if table.name == "user" else [])}
        names = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in excluded)
        if names:
            source = f'SELECT %s, {names} FROM "{table.name}" WHERE "{owner_column}" = %s'
            copy = f'INSERT INTO "{table.name}" ("{owner_column}", {names}) {source}'
            run_sql(database.owner, copy, user_id, owner.user.id)
    claims = jwt.decode(owner.user.token, options={"verify_signature": False})
    user = TestUser(user_id, "", sign_token({**claims, "sub": user_id}, SECRET))
    return ResourceOwner(user, {**owner.ids, "user": user_id}, owner.word)


def unknown_ids() -> Ids:
    """Return ids without rows."""
    return {kind: str(uuid4()) for kind in KINDS}
