"""Estates: one person with one of everything, so that whatever leads to any of it can be tried."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from sqlmodel import SQLModel

from tests.support.api_clients import RestDoor
from tests.support.service import SECRET, Cluster, run_sql
from tests.support.users import PASSWORD, Person, signed

KINDS = ("user", "task", "subtask", "list", "tag", "comment", "session", "token")
Ids = dict[str, str]


@dataclass(frozen=True)
class Estate:
    """Someone, the ids of what is theirs, and the word that stands in every text of theirs."""

    person: Person
    ids: Ids
    word: str
    api_tokens: dict[str, str] = field(default_factory=dict)

    @property
    def traces(self) -> list[str]:
        """What must not be found in an answer to anybody else."""
        return [self.word, *self.ids.values()]


def settle(url: str, word: str, given: Ids | None = None) -> Estate:
    """Register someone who has one of everything; rows get the ids given."""
    person = Person.register(url, name=word, email=f"{word.lower()}.{uuid4().hex}@example.com")
    ids = {kind: str(uuid4()) for kind in ("task", "subtask", "list", "tag", "comment")} | (given or {})
    with RestDoor(url, person.token) as door:
        door.create("list", id=ids["list"], name=word)
        door.create("tag", id=ids["tag"], name=word)
        members: dict[str, Any] = {"title": word, "description": word, "list_id": ids["list"], "tag_ids": [ids["tag"]]}
        door.create("task", id=ids["task"], **members)
        door.create("task", id=ids["subtask"], parent_id=ids["task"], **members)
        door.comment(ids["task"], word, id=ids["comment"])
        door.http.headers["User-Agent"] = word
        door.log_in(person.email, PASSWORD)
        tokens = {scope: door.make_api_token(name=word, scopes=[scope]) for scope in ("tasks:read", "tasks:write", "account")}
        ended = door.sessions()[0]["id"]
    own = {"user": person.id, "session": ended, "token": tokens["account"]["id"]}
    return Estate(person, {**ids, **own}, word, {scope: made["token"] for scope, made in tokens.items()})


def copied(database: Cluster, estate: Estate) -> Estate:
    """Make someone whose every row has the same id and the same texts as this estate's."""
    user_id = str(uuid4())
    for table in SQLModel.metadata.sorted_tables:
        owner = "id" if table.name == "user" else "user_id"
        own = {owner, "search_vector", *(["email"] if table.name == "user" else [])}
        names = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in own)
        if names:
            copy = f'INSERT INTO "{table.name}" ("{owner}", {names}) SELECT %s, {names} FROM "{table.name}" WHERE "{owner}" = %s'
            run_sql(database.owner, copy, user_id, estate.person.id)
    claims = jwt.decode(estate.person.token, options={"verify_signature": False})
    person = Person(user_id, "", signed({**claims, "sub": user_id}, SECRET))
    return Estate(person, {**estate.ids, "user": user_id}, estate.word)


def nowhere() -> Ids:
    """Return ids of nothing."""
    return {kind: str(uuid4()) for kind in KINDS}
