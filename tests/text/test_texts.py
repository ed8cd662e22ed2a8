"""Texts of rows: visible characters, and the spaces that are stored."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from models.schemas.visible_text import has_visible_character
from tests.support.api_clients import ApiClient, expect_error
from tests.support.service import SECRET
from tests.support.users import sign_token

INVISIBLE = ["\u200b", "\u200b \u2060", "\ufeff", "\u00ad\u200d", "\u3164", "\u2800", "\u2028", "\x1f", "\U000e0041", "\ufe0f"]
WRITES: dict[str, Callable[[ApiClient, Any], object]] = {
    "/title": lambda client, text: client.create("task", title=text),
    "/title of an update": lambda client, text: client.update("task", client.create("task", title="x")["id"], title=text),
    "/name of a list": lambda client, text: client.create("list", name=text),
    "/name of a tag": lambda client, text: client.create("tag", name=text),
    "/name of a token": lambda client, text: client.make_api_token(name=text, scopes=["account"]),
    "/name of an account": lambda client, text: client.change_me(name=text),
    "/body": lambda client, text: client.comment(client.create("task", title="x")["id"], text),
}


@pytest.mark.parametrize("place", WRITES)
def test_text_without_a_visible_character_is_rejected(client: ApiClient, place: str) -> None:
    for text in INVISIBLE:
        with expect_error("INVALID_INPUT") as error:
            WRITES[place](client, text)
        assert (error.value.pointers, error.value.detail) == ([place.split(maxsplit=1)[0]], "Must not be blank."), ascii(text)


def test_description_without_a_visible_character_is_null(client: ApiClient) -> None:
    assert {client.create("task", title="x", description=text)["description"] for text in INVISIBLE} == {None}


def test_name_claim_without_a_visible_character_is_ignored(make_client: Callable[[str], ApiClient]) -> None:
    assert make_client(sign_token({"sub": "no visible name", "name": "\u3164"}, SECRET)).me()["name"] is None


@pytest.mark.parametrize(
    "text",
    ["👨\u200d👩\u200d👧", "❤\ufe0f", "\u0600", "\u0301", "\ue000", "搬家", "\u200f\u05e9\u05dc", ".", "\U0001f3f4\U000e0067"],
)
def test_text_with_a_visible_character_is_stored_unchanged(client: ApiClient, text: str) -> None:
    assert client.create("task", title=text)["title"] == text


def test_every_letter_number_and_symbol_is_visible_except_blank_ones() -> None:
    printed = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] in "LNPS")
    blank = {character for character in printed if not has_visible_character(character)}

    assert blank == set("\u115f\u1160\u3164\uffa0\u2800\U0001d159")


MARKDOWN = "    code\n\nline with a break  \nend  \n"


def test_descriptions_and_comments_keep_their_spaces(client: ApiClient) -> None:
    task = client.create("task", title="x", description=MARKDOWN)
    comment = client.comment(task["id"], MARKDOWN)

    assert (task["description"], comment["body"]) == (MARKDOWN, MARKDOWN)
    assert client.update("task", task["id"], description=f" {MARKDOWN}")["description"] == f" {MARKDOWN}"
    assert client.update("comment", comment["id"], body=f" {MARKDOWN}")["body"] == f" {MARKDOWN}"
    with expect_error("INVALID_INPUT"):
        client.comment(task["id"], "x" + " " * 5000)


def test_titles_and_names_are_trimmed(client: ApiClient) -> None:
    assert client.create("task", title="  x \n")["title"] == "x"
    assert client.create("list", name="  x \n")["name"] == "x"
    assert client.create("tag", name="  x \n")["name"] == "x"
