"""People who come again and again, all at once, through both doors, and look closely at whatever they get."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.api_clients import Door, DoorError, GraphQLDoor, RestDoor, Row
from tests.support.users import Person

THREADS, TURNS = 8, 40
_EVERYTHING = "list.tasks,tags.tasks,subtasks.tags,comments.task"
_NESTED = """{ viewer { name } lists { nodes { name tasks(first: 5) { totalCount nodes { title comments { nodes { body } } } } } }
    tags { nodes { name tasks(first: 5) { nodes { title } } } } }"""


class Regular:
    """Somebody all of whose texts are one word, and who is never to see another one's."""

    def __init__(self, url: str, number: int) -> None:
        self.word = f"word{number}x"
        self.person = Person.register(url, name=self.word)
        self.rest, self.graph = RestDoor(url, self.person.token), GraphQLDoor(url, self.person.token)
        self.list_id = self.rest.create("list", name=self.word)["id"]
        self.tag_id = self.graph.create("tag", name=self.word)["id"]
        self.task = self.create(self.rest, "")

    def close(self) -> None:
        """Leave."""
        self.rest.close()
        self.graph.close()

    def check(self, tree: Any) -> None:
        """Fail where the answer holds a word of another's."""
        text = str(tree)
        assert self.word in text, text
        assert "word" not in text.replace(self.word, ""), text

    def create(self, door: Door, stranger: str) -> Row:
        task = door.create("task", title=self.word, list_id=self.list_id, tag_ids=[self.tag_id])
        self.check(task)
        return task

    def page(self, door: Door, stranger: str) -> None:
        self.check(door.page("task", limit=20))

    def search(self, door: Door, stranger: str) -> None:
        self.check(door.page("task", search="wor", limit=20))

    def nested(self, door: Door, stranger: str) -> None:
        self.check(self.graph.run(_NESTED))
        self.check(self.rest.send("GET", f"/api/me/tasks/{self.task['id']}?include={_EVERYTHING}").json())

    def account(self, door: Door, stranger: str) -> None:
        assert door.me()["email"] == self.person.email

    def comment(self, door: Door, stranger: str) -> None:
        self.check(door.comment(self.task["id"], self.word))

    def toggle(self, door: Door, stranger: str) -> None:
        self.check(door.complete(self.task["id"]))

    def miss(self, door: Door, stranger: str) -> None:
        refused("NOT_FOUND", lambda: door.get("task", stranger))
        refused("NOT_FOUND", lambda: door.update("task", stranger, title=self.word))

    def come_too_late(self, door: Door, stranger: str) -> None:
        self.check(refused("PRECONDITION_FAILED", lambda: door.update("task", self.task["id"], 0, title=self.word)).current)

    def refer_to_another(self, door: Door, stranger: str) -> None:
        refused("INVALID_INPUT", lambda: door.update("task", self.task["id"], parent_id=stranger))

    def repeat_a_name(self, door: Door, stranger: str) -> None:
        refused("CONFLICT", lambda: door.create("tag", name=self.word.upper()))


ERRANDS: Sequence[Callable[[Regular, Door, str], object]] = (
    Regular.create,
    Regular.page,
    Regular.search,
    Regular.nested,
    Regular.account,
    Regular.comment,
    Regular.toggle,
    Regular.miss,
    Regular.come_too_late,
    Regular.refer_to_another,
    Regular.repeat_a_name,
)


def refused(code: str, act: Callable[[], object]) -> DoorError:
    """Return the error that says no."""
    with pytest.raises(DoorError) as error:
        act()
    if error.value.code != code:
        raise error.value
    return error.value


def crowd(people: Sequence[Regular], seed: int) -> list[str]:
    """Let them all run their errands at once; return the codes of errors that nobody asked for."""

    def turns(number: int) -> list[str]:
        dice = random.Random(seed * THREADS + number)  # noqa: S311 - the same errands every time
        unasked = []
        for _ in range(TURNS):
            one, other = dice.sample(people, 2)
            try:
                dice.choice(ERRANDS)(one, dice.choice([one.rest, one.graph]), other.task["id"])
            except DoorError as error:
                unasked.append(error.code)
        return unasked

    with ThreadPoolExecutor(THREADS) as pool:
        return [code for codes in pool.map(turns, range(THREADS)) for code in codes]
