"""Limits on the size of a response in bytes, in both APIs."""

from collections.abc import Sequence
from typing import Any

import pytest

from api import responses
from models.sql.execution import Rows
from services.query_engine.execution import budget, executor
from services.query_engine.execution.budget import Budget
from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient

TASKS = 12
TEXTS = {"ASCII": "x" * 900, "four bytes each": "😀" * 225}
TOO_LARGE = {"four bytes each": "😀" * 300, "six bytes each in JSON": "\x01" + "x" * 30 + "\x02" * 180}
NESTED_DOCUMENT = "{ tags { nodes { tasks(first: 100, orderBy: [{field: TITLE}]) { nodes { title description } } } } }"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_within_the_byte_limit_are_returned(client: ApiClient, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)

    assert client.create("task", title="x", description=text)["description"] == text


@pytest.mark.parametrize("text", TOO_LARGE.values(), ids=TOO_LARGE)
def test_texts_above_the_byte_limit_are_rejected(client: ApiClient, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    task = client.create("task", title="x", description=text)
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 1000)

    with pytest.raises(ApiError) as error:
        client.get("task", task["id"])

    assert error.value.code == "QUERY_TOO_COMPLEX"
    assert "Use a smaller page" in str(error.value)


def test_response_above_the_byte_limit_is_rejected(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(TASKS):
        client.create("task", title="x")
    monkeypatch.setattr(responses, "MAX_RESPONSE_BYTES", 1000)

    with pytest.raises(ApiError) as error:
        client.page("task")

    assert error.value.code == "QUERY_TOO_COMPLEX"


def create_tagged_tasks(client: RestClient, description: str) -> None:
    """Create two tags, and tasks that have both, in the reverse order of their titles."""
    tags = [client.create("tag", name=name)["id"] for name in ("a", "b")]
    for number in range(TASKS, 0, -1):
        client.create("task", title=f"{number:02}", description=description, tag_ids=tags)


def read_nested(rest_client: RestClient, graphql_client: GraphQLClient) -> list[Any]:
    """Read the tasks as a page, by their ids, below their tags, and with the tags below them."""
    return [
        rest_client.page("task", sort="title"),
        rest_client.page("task", include="tags,list,parent", fields="title,description,tags.name"),
        graphql_client.run(NESTED_DOCUMENT),
    ]


def test_texts_above_the_byte_limit_are_not_read(
    rest_client: RestClient, graphql_client: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_tagged_tasks(rest_client, "y" * 1000)
    sizes: list[int] = []

    fetch = executor._Executor._fetch

    def fetch_and_measure(*arguments: Any) -> Rows:
        rows = fetch(*arguments)
        sizes.append(sum(len(value) for row in rows for value in row if isinstance(value, str) and "yy" in value))
        return rows

    monkeypatch.setattr(executor._Executor, "_fetch", fetch_and_measure)
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 5000)
    for read in (lambda: rest_client.page("task"), lambda: graphql_client.run(NESTED_DOCUMENT)):
        with pytest.raises(ApiError) as error:
            read()
        assert error.value.code == "QUERY_TOO_COMPLEX"

    assert max(sizes) == 5000  # of 12,000 and 24,000; the fifth row exceeds the limit, because titles count, too


def test_bounded_statements_return_the_same_rows(
    rest_client: RestClient, graphql_client: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_tagged_tasks(rest_client, "z" * 100)
    expected = read_nested(rest_client, graphql_client)
    used: list[int] = []

    check_text = Budget.check_text

    def check_and_count(self: Budget, texts: Sequence[tuple[int, int]], rows: Rows) -> None:
        check_text(self, texts, rows)
        used.append(len(rows))

    monkeypatch.setattr(Budget, "check_text", check_and_count)
    monkeypatch.setattr(budget, "MAX_TEXT_BYTES", 6000)

    assert read_nested(rest_client, graphql_client) == expected
    assert len(used) >= 4  # each page of tasks, and the tags
