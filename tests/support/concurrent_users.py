"""Users who send requests concurrently over both APIs and check every response."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient, Row, expect_error
from tests.support.users import TestUser

THREADS, ACTIONS_PER_THREAD = 8, 40
_EVERYTHING = "list.tasks,tags.tasks,subtasks.tags,comments.task"
_NESTED = """{ viewer { name } lists { nodes { name tasks(first: 5) { totalCount nodes { title comments { nodes { body } } } } } }
    tags { nodes { name tasks(first: 5) { nodes { title } } } } }"""


class ConcurrentUser:
    """A user whose texts all contain one word, and whose responses must not contain another user's word."""

    def __init__(self, url: str, number: int) -> None:
        self.word = f"word{number}x"
        self.user = TestUser.register(url, name=self.word)
        self.rest_client, self.graphql_client = RestClient(url, self.user.token), GraphQLClient(url, self.user.token)
        self.list_id = self.rest_client.create("list", name=self.word)["id"]
        self.tag_id = self.graphql_client.create("tag", name=self.word)["id"]
        self.task = self.create(self.rest_client, "")

    def close(self) -> None:
        """Close both clients."""
        self.rest_client.close()
        self.graphql_client.close()

    def check(self, response: Any) -> None:
        """Check that a response contains no word of another user."""
        text = str(response)
        assert self.word in text, text
        assert "word" not in text.replace(self.word, ""), text

    def create(self, client: ApiClient, other_task_id: str) -> Row:
        task = client.create("task", title=self.word, list_id=self.list_id, tag_ids=[self.tag_id])
        self.check(task)
        return task

    def page(self, client: ApiClient, other_task_id: str) -> None:
        self.check(client.page("task", limit=20))

    def search(self, client: ApiClient, other_task_id: str) -> None:
        self.check(client.page("task", search="wor", limit=20))

    def nested(self, client: ApiClient, other_task_id: str) -> None:
        self.check(self.graphql_client.run(_NESTED))
        self.check(self.rest_client.send("GET", f"/api/me/tasks/{self.task['id']}?include={_EVERYTHING}").json())

    def account(self, client: ApiClient, other_task_id: str) -> None:
        assert client.me()["email"] == self.user.email

    def comment(self, client: ApiClient, other_task_id: str) -> None:
        self.check(client.comment(self.task["id"], self.word))

    def toggle(self, client: ApiClient, other_task_id: str) -> None:
        self.check(client.complete(self.task["id"]))

    def access_other_user(self, client: ApiClient, other_task_id: str) -> None:
        with expect_error("NOT_FOUND"):
            client.get("task", other_task_id)
        with expect_error("NOT_FOUND"):
            client.update("task", other_task_id, title=self.word)

    def stale_update(self, client: ApiClient, other_task_id: str) -> None:
        with expect_error("PRECONDITION_FAILED") as stale:
            client.update("task", self.task["id"], 0, title=self.word)
        self.check(stale.value.current)

    def refer_to_other_user(self, client: ApiClient, other_task_id: str) -> None:
        with expect_error("INVALID_INPUT"):
            client.update("task", self.task["id"], parent_id=other_task_id)

    def create_duplicate_tag(self, client: ApiClient, other_task_id: str) -> None:
        with expect_error("CONFLICT"):
            client.create("tag", name=self.word.upper())


ACTIONS: Sequence[Callable[[ConcurrentUser, ApiClient, str], object]] = (
    ConcurrentUser.create,
    ConcurrentUser.page,
    ConcurrentUser.search,
    ConcurrentUser.nested,
    ConcurrentUser.account,
    ConcurrentUser.comment,
    ConcurrentUser.toggle,
    ConcurrentUser.access_other_user,
    ConcurrentUser.stale_update,
    ConcurrentUser.refer_to_other_user,
    ConcurrentUser.create_duplicate_tag,
)


def run_concurrently(users: Sequence[ConcurrentUser], seed: int) -> list[str]:
    """Run random actions of all users concurrently; return the codes of unexpected errors."""

    def run_actions(number: int) -> list[str]:
        rng = random.Random(seed * THREADS + number)  # noqa: S311 - reproducible
        unexpected = []
        for _ in range(ACTIONS_PER_THREAD):
            user, other_user = rng.sample(users, 2)
            try:
                rng.choice(ACTIONS)(user, rng.choice([user.rest_client, user.graphql_client]), other_user.task["id"])
            except ApiError as error:
                unexpected.append(error.code)
        return unexpected

    with ThreadPoolExecutor(THREADS) as pool:
        return [code for codes in pool.map(run_actions, range(THREADS)) for code in codes]
