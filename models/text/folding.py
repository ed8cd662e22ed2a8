"""Keys of texts: how texts are stored, compared, searched and sorted.

The keys are computed here and stored in columns with the collation "C", so that order and uniqueness are the same on every
PostgreSQL, whatever its collation, locale and ICU version. Every text is stored in Unicode normalization form C (NFC).
"""

import re
import unicodedata
from typing import Any

from sqlalchemy import Text

# Code points that NFC composes to one at most: a Greek letter with three accents.
MAX_COMPOSED = 4
MAX_SORT_KEY_LENGTH = 500  # characters; cursors contain sort keys. NFKC makes up to 18 characters of one.

# Canonical combining classes of marks that a reader may omit: overlays, Hebrew, Arabic and Syriac points, accents. The other
# classes distinguish letters: Indic nuktas and viramas, the voicing marks of kana, the vowels and tones of Thai and Lao.
_OPTIONAL_MARKS = frozenset({1, *range(10, 37), *range(200, 241)})
# Format characters, such as joiners and soft hyphens, and enclosing marks.
_IGNORED_CATEGORIES = frozenset({"Cf", "Me"})
_VARIATION_SELECTORS = re.compile("[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DIGITS = re.compile(r"\d+")


def key_type() -> Any:
    """Return the SQL type of keys: text that PostgreSQL compares by code point."""
    return Text(collation="C")


def to_nfc(text: str) -> str:
    """Return the text in the normalization form in which all texts are stored."""
    return unicodedata.normalize("NFC", text)


def normalize_limited(text: str, max_length: int) -> str:
    """Return the text in NFC, or unchanged if it is longer than `max_length` in NFC anyway: normalizing it could take seconds."""
    return to_nfc(text) if len(text) <= MAX_COMPOSED * max_length else text


def identity_key(text: str) -> str:
    """Return the key of texts that count as equal: NFKC with full case folding. Accents count."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def search_key(text: str) -> str:
    """Return the key of texts that a search does not distinguish: the identity key without combining marks."""
    key = identity_key(text)
    if key.isascii():
        return key
    decomposed = _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFKD", key))
    return unicodedata.normalize("NFKC", "".join(character for character in decomposed if not _is_optional(character)))


def sort_key(text: str) -> str:
    """Return the key that sorts texts: the search key, with the length before each number, so that 2 comes before 10."""
    return _DIGITS.sub(_with_length, search_key(text))[:MAX_SORT_KEY_LENGTH]


def _is_optional(character: str) -> bool:
    return unicodedata.combining(character) in _OPTIONAL_MARKS or unicodedata.category(character) in _IGNORED_CATEGORIES


def _with_length(number: re.Match[str]) -> str:
    digits = "".join(str(unicodedata.decimal(digit)) for digit in number[0]).lstrip("0")
    length = len(digits)
    return (str(length) if length < 9 else f"9{length:04d}") + digits  # noqa: PLR2004 - longer lengths begin with 9
