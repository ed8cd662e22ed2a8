"""Full-text search, through both doors."""

from collections.abc import Callable

import pytest

from services.reading.search import tsquery
from tests.support.api_clients import Door, DoorError, GraphQLDoor, RestDoor

Find = Callable[[str], list[str]]


@pytest.fixture
def find(door: Door) -> Find:
    """Search among a few tasks; titles come best first."""
    for title, description in (
        ("Buy milk", None),
        ("Bread", "and milk"),
        ("Milkshake recipe", "with ice"),
        ("Call O'Brien", "about foo-bar, see http://example.com/oat?x=1 or write bob@example.org"),
        ("牛乳を買う", None),
        ("Party 🎉", None),
        ("Learn C++", "100% of it"),
    ):
        door.create("task", title=title, description=description)
    return lambda text: [row["title"] for row in door.page("task", search=text)]


def test_words_are_found_by_their_beginnings_and_all_must_be_there(find: Find) -> None:
    assert set(find("milk")) == {"Buy milk", "Bread", "Milkshake recipe"}
    assert find("MIL rec") == ["Milkshake recipe"]
    assert find("ilk") == []
    assert find("牛乳") == ["牛乳を買う"]
    assert find("o'br") == ["Call O'Brien"]
    assert find("foo-ba") == ["Call O'Brien"]
    assert find("bob@exam") == find("example.com/oa") == find("bob") == find("exam") == ["Call O'Brien"]


def test_operators(find: Find) -> None:
    assert find('"buy milk"') == ["Buy milk"]
    assert find('"milk buy"') == []
    assert find('"and mil"') == []
    assert set(find("milk -shake -ice")) == {"Buy milk", "Bread"}
    assert set(find('milk -"buy milk"')) == {"Bread", "Milkshake recipe"}
    assert set(find("bread OR shake OR call")) == {"Bread", "Call O'Brien"}
    assert set(find("-milk")) == {"Call O'Brien", "牛乳を買う", "Party 🎉", "Learn C++"}


def test_what_fits_better_comes_first(find: Find) -> None:
    # A word in the title weighs more than one in the description; among equals the newest is first.
    assert find("milk") == ["Milkshake recipe", "Buy milk", "Bread"]


def test_what_holds_no_words_is_looked_for_as_it_stands(find: Find) -> None:
    assert find("🎉") == ["Party 🎉"]
    assert find("++") == ["Learn C++"]
    assert find("%") == ["Learn C++"]
    assert find("_") == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "OR",
            "OR OR",
            "a OR",
            "-",
            "--",
            "- a",
            '"',
            '""',
            '"a',
            '-"',
            "'",
            "\\",
            "a:*",
            ":*",
            "a & | ! ( b",
            "<->",
            "a <-> b",
        ),
        *("x" * 1000, "é" * 999, "ﷺ" * 500, "'; --", "<b>", "a" * 400 + " " + "b" * 400, "\u200b", "\x01"),
    ],
    ids=range(25),
)
def test_every_text_is_a_valid_search(door: Door, text: str) -> None:
    door.create("task", title="Something else")

    assert door.page("task", search=text) == []


def test_a_blank_search_searches_nothing(door: Door) -> None:
    door.create("task", title="x")

    assert len(door.page("task", search="  ")) == 1


def test_a_search_has_an_end(door: Door) -> None:
    with pytest.raises(DoorError) as refused:
        door.page("task", search="x" * 1001)

    assert (refused.value.code, refused.value.pointers) == ("INVALID_INPUT", ["/search"])


def test_what_is_found_has_pages_in_the_order_of_relevance(graph: GraphQLDoor, rest: RestDoor) -> None:
    for number in range(7):
        graph.create("task", title="milk" if number % 2 else "x", description="milk " * number)
    document = """query($a: String, $s: String = "milk") { tasks(first: 2, after: $a, search: $s) {
        nodes { id } pageInfo { hasNextPage endCursor } totalCount } }"""
    whole = [row["id"] for row in rest.page("task", search="milk")]

    paged: list[str] = []
    after = None
    while True:
        page = graph.run(document, a=after)["tasks"]
        paged += [row["id"] for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert paged == whole
    assert len(paged) == page["totalCount"] == 6
    with pytest.raises(DoorError, match="cursor"):
        graph.run(document, a=after, s="other")


def test_a_sort_of_ones_own_wins(rest: RestDoor) -> None:
    for title in ("milk b", "milk milk c", "milk a"):
        rest.create("task", title=title)

    assert [row["title"] for row in rest.page("task", search="milk", sort="title")] == ["milk a", "milk b", "milk milk c"]


def test_search_works_within_relations(graph: GraphQLDoor) -> None:
    for name in ("Home", "Work"):
        list_id = graph.create("list", name=name)["id"]
        for title in ("Buy milk", "Buy bread"):
            graph.create("task", title=f"{title} at {name}", list_id=list_id)

    data = graph.run('{ lists { nodes { tasks(search: "milk", first: 1) { nodes { title } totalCount } } } }')

    assert [one["tasks"]["nodes"] for one in data["lists"]["nodes"]] == [
        [{"title": "Buy milk at Home"}],
        [{"title": "Buy milk at Work"}],
    ]


def test_a_change_is_found_at_once(door: Door) -> None:
    task = door.create("task", title="Buy milk")
    door.update("task", task["id"], title="Buy bread")

    assert door.page("task", search="milk") == []
    assert len(door.page("task", search="bread")) == 1


def test_operands_hold_no_syntax_of_tsquery() -> None:
    assert tsquery('a -"b \'c" OR d\\e:*|!(f)') == "'a':* & !'b  c' | 'd e     f':*"
