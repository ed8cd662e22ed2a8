"""Full-text search over both APIs."""

from collections.abc import Callable

import pytest

from services.query_engine.tsquery import to_tsquery_syntax
from tests.support.api_clients import ApiClient, ApiError, GraphQLClient, RestClient

Search = Callable[[str], list[str]]


@pytest.fixture
def search(client: ApiClient) -> Search:
    """A function that searches a few tasks, and returns their titles by descending relevance."""
    for title, description in (
        ("Buy milk", None),
        ("Bread", "and milk"),
        ("Milkshake recipe", "with ice"),
        ("Call O'Brien", "about foo-bar, see http://example.com/oat?x=1 or write bob@example.org"),
        ("牛乳を買う", None),
        ("Party 🎉", None),
        ("Learn C++", "100% of it"),
    ):
        client.create("task", title=title, description=description)
    return lambda text: [row["title"] for row in client.page("task", search=text)]


def test_search_matches_word_prefixes_and_requires_all_words(search: Search) -> None:
    assert set(search("milk")) == {"Buy milk", "Bread", "Milkshake recipe"}
    assert search("MIL rec") == ["Milkshake recipe"]
    assert search("ilk") == []
    assert search("牛乳") == ["牛乳を買う"]
    assert search("o'br") == ["Call O'Brien"]
    assert search("foo-ba") == ["Call O'Brien"]
    assert search("bob@exam") == search("example.com/oa") == search("bob") == search("exam") == ["Call O'Brien"]


def test_search_supports_phrase_or_and_exclusion(search: Search) -> None:
    assert search('"buy milk"') == ["Buy milk"]
    assert search('"milk buy"') == []
    assert search('"and mil"') == []
    assert set(search("milk -shake -ice")) == {"Buy milk", "Bread"}
    assert set(search('milk -"buy milk"')) == {"Bread", "Milkshake recipe"}
    assert set(search("bread OR shake OR call")) == {"Bread", "Call O'Brien"}
    assert set(search("-milk")) == {"Call O'Brien", "牛乳を買う", "Party 🎉", "Learn C++"}


def test_search_orders_by_relevance(search: Search) -> None:
    # A match in the title outweighs one in the description; equal matches are ordered by age, newest first.
    assert search("milk") == ["Milkshake recipe", "Buy milk", "Bread"]


def test_search_without_words_matches_verbatim(search: Search) -> None:
    assert search("🎉") == ["Party 🎉"]
    assert search("++") == ["Learn C++"]
    assert search("%") == ["Learn C++"]
    assert search("_") == []


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
def test_any_text_is_a_valid_search(client: ApiClient, text: str) -> None:
    client.create("task", title="Something else")

    assert client.page("task", search=text) == []


def test_blank_search_returns_all_tasks(client: ApiClient) -> None:
    client.create("task", title="x")

    assert len(client.page("task", search="  ")) == 1


def test_search_over_1000_characters_returns_422(client: ApiClient) -> None:
    with pytest.raises(ApiError) as error:
        client.page("task", search="x" * 1001)

    assert (error.value.code, error.value.pointers) == ("INVALID_INPUT", ["/search"])


def test_search_pages_follow_relevance_order(graphql_client: GraphQLClient, rest_client: RestClient) -> None:
    for number in range(7):
        graphql_client.create("task", title="milk" if number % 2 else "x", description="milk " * number)
    document = """query($a: String, $s: String = "milk") { tasks(first: 2, after: $a, search: $s) {
        nodes { id } pageInfo { hasNextPage endCursor } totalCount } }"""
    all_ids = [row["id"] for row in rest_client.page("task", search="milk")]

    paged: list[str] = []
    after = None
    while True:
        page = graphql_client.run(document, a=after)["tasks"]
        paged += [row["id"] for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert paged == all_ids
    assert len(paged) == page["totalCount"] == 6
    with pytest.raises(ApiError, match="cursor"):
        graphql_client.run(document, a=after, s="other")


def test_explicit_sort_overrides_relevance(rest_client: RestClient) -> None:
    for title in ("milk b", "milk milk c", "milk a"):
        rest_client.create("task", title=title)

    assert [row["title"] for row in rest_client.page("task", search="milk", sort="title")] == ["milk a", "milk b", "milk milk c"]


def test_search_filters_nested_connections(graphql_client: GraphQLClient) -> None:
    for name in ("Home", "Work"):
        list_id = graphql_client.create("list", name=name)["id"]
        for title in ("Buy milk", "Buy bread"):
            graphql_client.create("task", title=f"{title} at {name}", list_id=list_id)

    data = graphql_client.run('{ lists { nodes { tasks(search: "milk", first: 1) { nodes { title } totalCount } } } }')

    assert [one["tasks"]["nodes"] for one in data["lists"]["nodes"]] == [
        [{"title": "Buy milk at Home"}],
        [{"title": "Buy milk at Work"}],
    ]


def test_updated_task_is_searchable_immediately(client: ApiClient) -> None:
    task = client.create("task", title="Buy milk")
    client.update("task", task["id"], title="Buy bread")

    assert client.page("task", search="milk") == []
    assert len(client.page("task", search="bread")) == 1


def titles(client: ApiClient, search: str) -> set[str]:
    return {row["title"] for row in client.page("task", search=search)}


def test_search_ignores_accents_and_case(client: ApiClient) -> None:
    for title in ("café", "STRASSE", "Οδός", "naïve"):
        client.create("task", title=title)

    assert titles(client, "cafe") == titles(client, "CAFE\u0301") == titles(client, '"cafÉ"') == {"café"}
    assert titles(client, "straße") == {"STRASSE"}
    assert titles(client, "οδοσ") == {"Οδός"}
    assert titles(client, "naive") == {"naïve"}


def test_search_finds_words_inside_of_scripts_without_spaces(client: ApiClient) -> None:
    moving, thai, mixed = (
        "準備搬家了",
        "ไปกินข้าว",
        "iPhoneを買う",
    )
    for title in (moving, thai, mixed, "搬運家具"):
        client.create("task", title=title)

    for text in (
        "搬家",
        '"搬家"',
        "準備 搬家",
        '"準備 搬家"',
        "家了",
        "了",
        moving,
    ):
        assert titles(client, text) == {moving}, text
    assert titles(client, "搬") == {moving, "搬運家具"}
    assert titles(client, "家搬") == set()
    assert titles(client, "搬家 -準備") == set()
    assert titles(client, "กิน") == {thai}
    assert titles(client, "กน") == set()
    assert titles(client, "iphoneを買") == titles(client, "IPHONE") == titles(client, "買う") == {mixed}


def test_search_decides_term_by_term_what_is_matched_verbatim(client: ApiClient) -> None:
    for title, description in (
        ("Party 🎉", None),
        ("Party", "at 8"),
        ("🎉🎂", None),
        ("a 🎉", "🎂 b"),
    ):
        client.create("task", title=title, description=description)

    assert titles(client, "party 🎉") == {"Party 🎉"}
    assert titles(client, "party -🎉") == titles(client, "-🎉") == {"Party"}
    assert titles(client, "8 OR 🎂") == {"Party", "🎉🎂", "a 🎉"}
    assert titles(client, "🎉🎂") == titles(client, '"🎉🎂"') == {"🎉🎂"}
    assert titles(client, '"🎉 🎂"') == set(), "the end of the title is a boundary"


def test_search_ignores_variation_selectors_of_emoji(client: ApiClient) -> None:
    client.create("task", title="❤\ufe0f")
    client.create("task", title="☕")

    assert titles(client, "❤") == titles(client, "❤\ufe0f") == {"❤\ufe0f"}
    assert titles(client, "☕\ufe0f") == {"☕"}


def test_exclusion_holds_for_all_alternatives(client: ApiClient) -> None:
    for title in ("milk", "soy milk", "oat drink", "soy oat drink", "drink oat"):
        client.create("task", title=title)

    for text in (
        'milk OR "oat drink" -soy',
        '-soy milk OR "oat drink"',
        'milk -soy OR "oat drink"',
        '-soy OR milk OR "oat drink"',
    ):
        assert titles(client, text) == {"milk", "oat drink"}, text
    assert titles(client, "-milk -drink") == set()
    assert titles(client, "soy milk OR drink -oat") == {"soy milk"}


def test_phrase_does_not_cross_the_end_of_the_title(client: ApiClient) -> None:
    client.create("task", title="Buy oat", description="drink now")
    client.create("task", title="x", description="the oat: drink")

    assert titles(client, '"oat drink"') == {"x"}
    assert titles(client, "oat-drink") == {"x"}
    assert titles(client, "oat drink") == {"x", "Buy oat"}


def test_longest_texts_are_stored_and_found(client: ApiClient) -> None:
    for character in ("\ufdfa", "搬", "🎉", "\U00010330", "'", "\\", "İ"):
        task = client.create("task", title=character * 200, description=character * 2000)
        assert task["id"] in {row["id"] for row in client.page("task", search=character * 200)}, ascii(character)


def test_tsquery_escapes_operators() -> None:
    assert to_tsquery_syntax('a -"b \'c" OR d\\e:*|!(f)') == "('a':* | 'd' <-> 'e' <-> 'f':*) & !('b' <-> 'c')"
    assert to_tsquery_syntax("\\ '") == r"('\\' & '''')"
