"""What people type into a search box → PostgreSQL's tsquery.

Words are looked for by their beginnings, and all of them must be there; `"a phrase"` as it stands; `-word` must not be there;
`OR` between two things makes one of them enough. Those are the operators of PostgreSQL's websearch_to_tsquery, which knows no
prefixes. Every text is a valid search.
"""

import re
import string
from collections.abc import Iterator

from services.errors import InvalidInput

MAX_SEARCH = 1000  # characters
_MAX_TERM = 500  # characters; PostgreSQL refuses operands from 2 kB on, and no title is as long
# As in the column that is searched. So nothing is left that to_tsquery would take for syntax.
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


def validate_search(text: str | None) -> str | None:
    """Return what to search for, if anything. Raises InvalidInput."""
    if text is None or not text.strip():
        return None
    if len(text) > MAX_SEARCH:
        raise InvalidInput.at_pointer("/search", f"A search has at most {MAX_SEARCH} characters.")
    if "\x00" in text:
        raise InvalidInput.at_pointer("/search", "The NUL character cannot be stored, so nothing contains it.")
    return text.strip()


def to_tsquery_syntax(text: str) -> str:
    """Return the text in the syntax of PostgreSQL's to_tsquery, which splits each operand into words."""
    return "".join(_joined(_TERM.finditer(text)))


def _joined(terms: Iterator[re.Match[str]]) -> Iterator[str]:
    """Yield operands with an operator between any two."""
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
