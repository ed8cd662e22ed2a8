"""Search syntax: translation of a search text to PostgreSQL's tsquery.

Words match by prefix, and all must match; `"a phrase"` matches verbatim; `-word` excludes; `OR` between two terms requires one of
them. These are the operators of PostgreSQL's websearch_to_tsquery, which does not support prefixes. Every text is a valid search.
"""

import re
import string
from collections.abc import Iterator

from services.errors import InvalidInput

MAX_SEARCH = 1000  # characters
_MAX_TERM = 500  # characters; PostgreSQL rejects operands of 2 kB or more, and no title is as long
# The same replacement as in the search_vector column. It also removes all characters that are syntax of to_tsquery.
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


def validate_search(text: str | None) -> str | None:
    """Return the trimmed search text, or None if it is blank. Raises InvalidInput."""
    if text is None or not text.strip():
        return None
    if len(text) > MAX_SEARCH:
        raise InvalidInput.at_pointer("/search", f"A search has at most {MAX_SEARCH} characters.")
    if "\x00" in text:
        raise InvalidInput.at_pointer("/search", "NUL characters are not allowed.")
    return text.strip()


def to_tsquery_syntax(text: str) -> str:
    """Return the text in the syntax of PostgreSQL's to_tsquery, which splits each operand into words."""
    return "".join(_join_operands(_TERM.finditer(text)))


def _join_operands(terms: Iterator[re.Match[str]]) -> Iterator[str]:
    """Yield the operands, with an operator before each but the first."""
    operator = ""
    for term in terms:
        if term["word"] == "OR" and not term["minus"]:
            operator = operator and " | "
        elif operand := _operand(term):
            yield operator + operand
            operator = " & "


def _operand(term: re.Match[str]) -> str:
    words = (term["word"] or term["phrase"])[:_MAX_TERM].translate(_PUNCTUATION).strip()
    return f"{'!' if term['minus'] else ''}'{words}'{':*' if term['word'] else ''}" if words else ""
