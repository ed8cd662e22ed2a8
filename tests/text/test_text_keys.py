"""Texts that differ in case, normalization form, accents or numbers only, over both APIs."""

import unicodedata
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.api_clients import PLURALS, ApiClient, ClientFactory, RestClient, expect_error
from tests.support.service import SECRET
from tests.support.users import PASSWORD, TestUser, sign_token

CAFE, DECOMPOSED_CAFE = "Café", "Cafe\u0301"
QA = "\u0958"  # in NFC, it is two characters


@pytest.mark.parametrize(
    ("name", "same"),
    [
        (CAFE, DECOMPOSED_CAFE),
        ("Straße", "STRASSE"),
        ("Οδός", "ΟΔΟ\u0301Σ"),
        ("\u212b", "a\u030a"),
        ("ﬁle", "FILE"),
        ("\uff21\uff11", "a1"),
        ("カ\u3099", "\uff76\uff9e"),
        ("\ud55c", "\u1112ᅡᆫ"),
    ],
)
def test_tag_names_with_one_identity_key_are_one_tag(client: ApiClient, name: str, same: str) -> None:
    tag, other = client.create("tag", name=name), client.create("tag", name="other")

    with expect_error("CONFLICT") as error:
        client.create("tag", name=same)
    assert tag["id"] in error.value.detail
    with expect_error("CONFLICT"):
        client.update("tag", other["id"], name=same)
    assert client.update("tag", tag["id"], name=same)["name"] == unicodedata.normalize("NFC", same)


def test_tag_names_that_differ_in_accents_are_two_tags(client: ApiClient) -> None:
    for name in ("cafe", CAFE, "か", "が"):
        client.create("tag", name=name)


def test_texts_are_stored_in_nfc(client: ApiClient) -> None:
    task = client.create("task", title=DECOMPOSED_CAFE, description=f" {DECOMPOSED_CAFE}\n")
    assert (task["title"], task["description"]) == (CAFE, f" {CAFE}\n")
    assert client.update("task", task["id"], title=f"{DECOMPOSED_CAFE}!")["title"] == f"{CAFE}!"
    assert client.comment(task["id"], DECOMPOSED_CAFE)["body"] == CAFE
    assert client.create("list", name=DECOMPOSED_CAFE)["name"] == CAFE
    assert client.change_me(name=DECOMPOSED_CAFE)["name"] == CAFE


def test_repeated_create_in_another_normalization_form_returns_the_row(client: ApiClient) -> None:
    row_id = str(uuid4())
    first = client.create("task", id=row_id, title=CAFE)

    assert client.create("task", id=row_id, title=DECOMPOSED_CAFE) == first


LIMITS: dict[str, tuple[int, Callable[[ApiClient, str], object]]] = {
    "/title": (200, lambda client, text: client.create("task", title=text)["title"]),
    "/description": (2000, lambda client, text: client.create("task", title="x", description=text)["description"]),
    "/name of a list": (100, lambda client, text: client.create("list", name=text)["name"]),
    "/name of a tag": (50, lambda client, text: client.create("tag", name=text)["name"]),
    "/name of an account": (100, lambda client, text: client.change_me(name=text)["name"]),
    "/body": (5000, lambda client, text: client.comment(client.create("task", title="x")["id"], text)["body"]),
}


@pytest.mark.parametrize("place", LIMITS)
def test_limit_counts_the_characters_that_are_stored(client: ApiClient, place: str) -> None:
    limit, write = LIMITS[place]

    assert write(client, "e\u0301" * limit) == "é" * limit
    assert write(client, "\u03b1\u0313\u0300\u0345" * limit) == "ᾂ" * limit
    assert write(client, QA * (limit // 2)) == "\u0915\u093c" * (limit // 2)
    for text in (QA * (limit // 2 + 1), "e\u0301" * (limit + 1), "\u0344" * limit):
        with expect_error("INVALID_INPUT") as error:
            write(client, text)
        assert error.value.pointers == [place.split(maxsplit=1)[0]]


def test_title_is_trimmed_before_its_length_is_checked(client: ApiClient) -> None:
    title = " " * 1000 + "e\u0301" * 200 + "\n" * 1000

    assert client.create("task", title=title)["title"] == "é" * 200


def sorted_names(client: ApiClient, kind: str) -> list[str]:
    """Return the titles or names in their sort order; GraphQL sorts tags by name only."""
    field = "title" if kind == "task" else "name"
    sort = {"sort": field} if kind == "task" else {}
    return [row[field] for row in client.page(kind, **sort)]


ORDER = ["Äpfel", "Apple 2", "apple 2b", "APPLE 10", "apple 010b", "apple 1000000000", "café", "cafz", "straße", "strasse z"]
ORDER += ["x 9", "x\u00b2\u00b3", "zoo", "\u03b1", "\u0431", "あ"]


@pytest.mark.parametrize("kind", ["task", "tag"])
def test_texts_sort_by_letters_and_numbers(client: ApiClient, kind: str) -> None:
    for name in reversed(ORDER):
        client.create(kind, **{"title" if kind == "task" else "name": name})

    assert sorted_names(client, kind) == ORDER


@pytest.mark.parametrize("kind", ["task", "list", "tag"])
@pytest.mark.parametrize("direction", ["", "-"])
def test_pages_follow_the_sort_keys(rest_client: RestClient, kind: str, direction: str) -> None:
    field = "title" if kind == "task" else "name"
    for name in ORDER:
        rest_client.create(kind, **{field: name})

    link: str | None = f"/api/me/{PLURALS[kind]}?sort={direction}{field}&limit=2"
    found = []
    while link is not None:
        response = rest_client.send("GET", link)
        found += [row[field] for row in response.json()]
        link = response.links.get("next", {}).get("url")

    assert found == ORDER[:: -1 if direction else 1]


def test_renamed_row_moves_in_the_order(client: ApiClient) -> None:
    first, second = (client.create("tag", name=name) for name in ("a 1", "a 2"))
    client.update("tag", first["id"], name="a 10")
    client.update("tag", second["id"], color="teal")

    assert sorted_names(client, "tag") == ["a 2", "a 10"]


def test_filter_operand_may_be_in_another_normalization_form(client: ApiClient) -> None:
    client.create("task", title=f"{CAFE} au lait")

    for operator, text in (("contains", DECOMPOSED_CAFE), ("eq", f"{DECOMPOSED_CAFE} au lait")):
        assert len(client.page("task", filter={"title": {operator: text}})) == 1


def test_email_is_one_account_in_any_form(make_client: ClientFactory) -> None:
    suffix = f"{uuid4().hex}@example.com"
    user = make_client(None).register(email=f"José{suffix}", password=PASSWORD)["user"]
    assert user["email"] == f"josé{suffix}"

    for name in ("Jose\u0301", "JOSE\u0301", "\uff2aosé"):
        assert make_client(None).log_in(f" {name}{suffix} ", PASSWORD)["user"]["id"] == user["id"]
        with expect_error("EMAIL_TAKEN"):
            make_client(None).register(email=f"{name}{suffix}", password=PASSWORD)
    with expect_error("UNAUTHENTICATED"):
        make_client(None).log_in(f"jose{suffix}", PASSWORD)
    other = make_client(None).register(email=f"jose{suffix}", password=PASSWORD)
    with expect_error("EMAIL_TAKEN"):
        make_client(other["access_token"]).change_me(email=f"Jose\u0301{suffix}", current_password=PASSWORD)


def test_changed_email_logs_in_by_its_new_key_only(make_client: ClientFactory, user: TestUser) -> None:
    suffix = f"{uuid4().hex}@example.com"
    make_client(user.token).change_me(email=f"Jose\u0301{suffix}", current_password=PASSWORD)

    assert make_client(None).log_in(f"JOSÉ{suffix}", PASSWORD)["user"]["id"] == user.id
    with expect_error("UNAUTHENTICATED"):
        make_client(None).log_in(user.email, PASSWORD)


def test_email_as_long_as_its_column_logs_in_in_nfd(make_client: ClientFactory) -> None:
    email = "é" * 210 + f"{uuid4().hex}@example.com"
    assert len(email) == 254
    user = make_client(None).register(email=email, password=PASSWORD)["user"]

    assert make_client(None).log_in(unicodedata.normalize("NFD", email), PASSWORD)["user"] == user


@pytest.mark.parametrize("character", [QA, "\ufdfa"], ids=["longer in NFC", "longer in NFKC"])
def test_email_that_is_too_long_when_it_is_normalized_is_rejected(make_client: ClientFactory, character: str) -> None:
    with expect_error("INVALID_INPUT") as error:
        make_client(None).register(email=f"{character * 200}@example.com", password=PASSWORD)
    assert error.value.pointers == ["/email"]


def test_email_claim_in_another_form_is_the_email_of_the_account(make_client: ClientFactory) -> None:
    suffix = f"{uuid4().hex}@example.com"
    make_client(None).register(email=f"jos\u00e9{suffix}", password=PASSWORD)

    taken = make_client(sign_token({"sub": uuid4().hex, "email": f"Jose\u0301{suffix}", "name": DECOMPOSED_CAFE}, SECRET))
    free = make_client(sign_token({"sub": uuid4().hex, "email": f"Ame\u0301lie{suffix}"}, SECRET))

    assert (taken.me()["email"], taken.me()["name"]) == (None, CAFE)
    assert free.me()["email"] == f"am\u00e9lie{suffix}"
    with expect_error("EMAIL_TAKEN"):
        make_client(None).register(email=f"AM\u00c9LIE{suffix}", password=PASSWORD)
