"""Arguments and page info of connections, as in the Relay connection specification."""

from typing import Any

import pytest

from tests.support.api_clients import GraphQLClient

FIELDS = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
TITLES = "abcdefgh"

# Arguments with the rows that they select, hasPreviousPage and hasNextPage; `x5` is the cursor of the row with number 5.
PAGES = [
    ("first: 2", "ab", False, True),
    ("last: 2", "gh", True, False),
    ("first: 2, before: x5", "ab", False, True),
    ("first: 9, before: x3", "abc", False, False),
    ("before: x3", "abc", False, False),
    ("last: 2, before: x5", "de", True, True),
    ("last: 9, before: x3", "abc", False, True),
    ("first: 2, after: x1", "cd", True, True),
    ("first: 9, after: x5", "gh", True, False),
    ("last: 2, after: x1", "gh", True, False),
    ("last: 9, after: x5", "gh", False, False),
    ("first: 2, after: x1, before: x6", "cd", True, True),
    ("last: 2, after: x1, before: x6", "ef", True, True),
    ("first: 9, after: x1, before: x4", "cd", True, False),
    ("last: 9, after: x1, before: x4", "cd", False, True),
    ("first: 5, after: x4, before: x2", "", True, False),
    ("first: 4, last: 2", "cd", True, True),
    ("first: 2, last: 4", "ab", False, True),
    ("first: 4, last: 2, after: x1, before: x5", "de", True, False),
    ("first: 0", "", False, True),
    ("last: 0", "", True, False),
    ("first: 3, last: 0", "", True, True),
]


def _run(client: GraphQLClient, field: str, arguments: str) -> Any:
    if field in {"lists", "tags"}:
        return client.run(f"{{ {field}({arguments}) {{ {FIELDS} }} }}")[field]
    owner, connection = field.split(".")
    (row,) = client.run(f"{{ {owner}(first: 1) {{ nodes {{ {connection}({arguments}) {{ {FIELDS} }} }} }} }}")[owner]["nodes"]
    return row[connection]


def _create_rows(client: GraphQLClient, field: str) -> None:
    if field in {"lists", "tags"}:
        for name in TITLES:
            client.create(field.removesuffix("s"), name=name)
    elif field == "lists.tasks":
        parent = client.create("list", name="list")
        for title in reversed(TITLES):
            client.create("task", title=title, list_id=parent["id"])
    elif field == "tags.tasks":
        tag = client.create("tag", name="tag")
        for title in reversed(TITLES):
            client.create("task", title=title, tag_ids=[tag["id"]])
    else:
        task = client.create("task", title="task")
        for body in TITLES:
            client.comment(task["id"], body)


@pytest.mark.parametrize("field", ["lists", "tags", "lists.tasks", "tags.tasks", "tasks.comments"])
def test_paging_arguments_select_the_rows_of_the_relay_specification(graphql_client: GraphQLClient, field: str) -> None:
    _create_rows(graphql_client, field)
    all_edges = _run(graphql_client, field, "first: 100")["edges"]
    assert len(all_edges) == len(TITLES)

    for template, titles, has_previous, has_next in PAGES:
        arguments = template
        for number, edge in enumerate(all_edges):
            arguments = arguments.replace(f"x{number}", f'"{edge["cursor"]}"')
        page = _run(graphql_client, field, arguments)
        expected = [all_edges[TITLES.index(title)] for title in titles]
        assert page == {
            "edges": expected,
            "pageInfo": {
                "hasNextPage": has_next,
                "hasPreviousPage": has_previous,
                "startCursor": expected[0]["cursor"] if expected else None,
                "endCursor": expected[-1]["cursor"] if expected else None,
            },
            "totalCount": len(TITLES),
        }, template


def test_page_info_of_nested_connections_is_computed_per_parent(graphql_client: GraphQLClient) -> None:
    first, second, _ = (graphql_client.create("list", name=name)["id"] for name in ("first", "second", "empty"))
    for list_id, titles in ((first, "abd"), (second, "ef")):
        for title in titles:
            graphql_client.create("task", title=title, list_id=list_id)
    order = "orderBy: [{field: TITLE}]"
    document = f"query($c: String) {{ lists {{ nodes {{ tasks(first: 2, after: $c, {order}) {{ {FIELDS} }} }} }} }}"
    cursor = graphql_client.run(document)["lists"]["nodes"][0]["tasks"]["pageInfo"]["endCursor"]

    pages = [node["tasks"]["pageInfo"] for node in graphql_client.run(document, c=cursor)["lists"]["nodes"]]

    assert [page["hasPreviousPage"] for page in pages] == [True, False, False]
    assert [page["hasNextPage"] for page in pages] == [False, False, False]


@pytest.mark.parametrize("arguments", ["first: 5, after: $c", "last: 5, before: $c"])
def test_page_info_does_not_count_deleted_rows(graphql_client: GraphQLClient, arguments: str) -> None:
    task = graphql_client.create("task", title="deleted")
    cursor = graphql_client.run("{ tasks { pageInfo { endCursor } } }")["tasks"]["pageInfo"]["endCursor"]
    graphql_client.delete("task", task["id"])

    page = graphql_client.run(f"query($c: String) {{ tasks({arguments}) {{ {FIELDS} }} }}", c=cursor)["tasks"]

    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (False, False)


@pytest.mark.parametrize("arguments", ["first: 3, before: $end, after: $c", "last: 3, after: $end, before: $c"])
def test_paging_through_a_range_ends_at_its_end(graphql_client: GraphQLClient, arguments: str) -> None:
    for name in TITLES:
        graphql_client.create("tag", name=name)
    edges = graphql_client.run(f"{{ tags {{ {FIELDS} }} }}")["tags"]["edges"]
    forward = arguments.startswith("first")
    document = f"query($c: String, $end: String) {{ tags({arguments}) {{ {FIELDS} }} }}"
    seen: list[Any] = []
    cursor = None
    while True:
        page = graphql_client.run(document, c=cursor, end=edges[7 if forward else 0]["cursor"])["tags"]
        seen = [*seen, *page["edges"]] if forward else [*page["edges"], *seen]
        if not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            break
        cursor = page["pageInfo"]["endCursor" if forward else "startCursor"]

    assert seen == (edges[:7] if forward else edges[1:])
