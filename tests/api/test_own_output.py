"""The server accepts the cursors and positions that it returns."""

from typing import Any

import pytest

from models.schemas.field_types import MAX_POSITION
from models.schemas.query_params import MAX_FILTER_LENGTH
from tests.support.api_clients import PLURALS, ApiClient, GraphQLClient, RestClient

LONG_TEXTS = {
    "emoji": "🎉",
    "control characters": "\x01",
    "quotes": '"',
    "dotted capital I": "\u0130",
    "ligature": "\ufdfa",
    "numbers": "1a",
}
NAME = {"task": ("title", 200), "list": ("name", 100), "tag": ("name", 50)}


@pytest.mark.parametrize("character", LONG_TEXTS.values(), ids=LONG_TEXTS)
@pytest.mark.parametrize("kind", NAME)
def test_link_of_a_list_sorted_by_long_texts_can_be_followed(rest_client: RestClient, kind: str, character: str) -> None:
    field, length = NAME[kind]
    expected = {rest_client.create(kind, **{field: (letter + character * (length - 1))[:length]})["id"] for letter in "abc"}

    link: str | None = f"/api/me/{PLURALS[kind]}?sort=-{field},created&limit=1"
    found = []
    while link is not None:
        response = rest_client.send("GET", link)
        found += [row["id"] for row in response.json()]
        link = response.links.get("next", {}).get("url")

    assert len(found) == len(expected)
    assert set(found) == expected


def longest_filter(quotes: int) -> str:
    """Return a filter of the maximum length that matches every task; each quote needs six characters in an address."""
    start, end = '{"title": {"ne": "', '"}}'
    return (start + '\\"' * quotes).ljust(MAX_FILTER_LENGTH - len(end), "x") + end


@pytest.mark.parametrize("quotes", [0, 1900, 2500])
def test_link_with_the_longest_filter_can_be_followed(rest_client: RestClient, quotes: int) -> None:
    """The titles make the cursor long, too. A filter whose Link would exceed the limit of the headers is rejected."""
    for letter in "abc":
        rest_client.create("task", title=letter + "\x01" * 199)
    query = {"filter": longest_filter(quotes), "sort": "title", "limit": "1"}
    other_headers = {"X-Padding": "x" * 3000}

    response = rest_client.http.get("/api/me/tasks", params=query, headers=other_headers)

    if quotes == 2500:
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/filter")
        return
    found = response.json()
    while "next" in response.links:
        response = rest_client.http.get(response.links["next"]["url"], headers=other_headers)
        assert response.status_code == 200
        found += response.json()
    assert len(found) == 3


def test_cursor_of_a_long_text_is_accepted_by_both_apis(rest_client: RestClient, graphql_client: GraphQLClient) -> None:
    for letter in "ab":
        rest_client.create("task", title=letter + "\x01" * 199)
    document = """query($after: String) { tasks(first: 1, after: $after, orderBy: [{field: TITLE}]) {
        nodes { id } pageInfo { endCursor } } }"""

    cursor = graphql_client.run(document)["tasks"]["pageInfo"]["endCursor"]

    (second,) = graphql_client.run(document, after=cursor)["tasks"]["nodes"]
    (same,) = rest_client.send("GET", "/api/me/tasks", params={"sort": "title", "limit": 1, "cursor": cursor}).json()
    assert len(cursor) > 1000
    assert same["id"] == second["id"]


@pytest.mark.parametrize("kind", ["task", "list"])
@pytest.mark.parametrize("highest", [1e12, 1e12 + 0.5, MAX_POSITION - 1, MAX_POSITION])
def test_position_of_a_new_row_is_accepted(client: ApiClient, kind: str, highest: float) -> None:
    field, _ = NAME[kind]
    first = client.create(kind, position=highest, **{field: "first"})

    rows = [client.create(kind, **{field: "next"}) for _ in range(2)]

    assert all(client.update(kind, row["id"], position=row["position"])["position"] >= highest for row in rows)
    found = [row["id"] for row in client.page(kind, sort="position")]
    assert found == [first["id"], *(row["id"] for row in rows)]


@pytest.mark.parametrize("kind", ["task", "list"])
def test_deleted_row_does_not_count_towards_the_highest_position(client: ApiClient, kind: str) -> None:
    def create(**fields: Any) -> Any:
        return client.create(kind, **{NAME[kind][0]: "x"}, **fields)

    create()
    client.delete(kind, create(position=1e12)["id"])

    assert create()["position"] == 2
