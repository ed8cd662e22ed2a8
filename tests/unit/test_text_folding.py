"""Keys of texts: equal for texts that count as equal, for every character of Unicode."""

import unicodedata

import pytest

from models.text.folding import MAX_SORT_KEY_LENGTH, identity_key, normalize_limited, search_key, sort_key

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def test_identity_key_ignores_normalization_form_and_case() -> None:
    for character in CHARACTERS:
        key = identity_key(character)
        assert identity_key(key) == key, ascii(character)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert identity_key(unicodedata.normalize(form, character)) == key, ascii(character)
        assert identity_key(character.casefold()) == key, ascii(character)


def test_search_key_is_determined_by_the_identity_key() -> None:
    for character in CHARACTERS:
        key = search_key(character)
        assert search_key(key) == search_key(identity_key(character)) == key, ascii(character)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Caf\u00e9", "cafe"),
        ("\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", "\u0645\u062d\u0645\u062f"),
        ("\u2764\ufe0f", "\u2764"),
        ("Kinder\u00adgarten", "kindergarten"),
        ("\u0130stanbul", "istanbul"),
        ("\ud55c\uae00", "\ud55c\uae00"),
        ("\u304c", "\u304c"),
        ("\u0e17\u0e35\u0e48", "\u0e17\u0e35\u0e48"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940"),
    ],
    ids=["accent", "Hebrew", "Arabic", "emoji", "soft hyphen", "dotted I", "Hangul", "kana", "Thai", "Hindi"],
)
def test_search_key_omits_optional_marks_only(text: str, key: str) -> None:
    assert search_key(text) == key


def test_sort_key_orders_numbers_by_value() -> None:
    numbers = [0, 1, 9, 10, 99, 100, 10**7, 10**8 - 1, 10**8, 10**9, 10**20, 10**150]
    keys = [sort_key(f"a{number}b") for number in numbers]

    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert sort_key("a007") == sort_key("a7") == sort_key("a\u0667") == sort_key("a\uff17")
    assert sort_key("1.10") > sort_key("1.9")


def test_sort_key_is_bounded() -> None:
    assert len(sort_key("\ufdfa" * 200)) == MAX_SORT_KEY_LENGTH
    assert len(sort_key("1a" * 100)) == 300


def test_text_that_is_too_long_in_any_form_is_not_normalized() -> None:
    assert normalize_limited("e\u0301" * 20, 10) == "\u00e9" * 20
    assert normalize_limited("e\u0301" * 21, 10) == "e\u0301" * 21
