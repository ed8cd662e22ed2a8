"""Search syntax: translation of a search text to PostgreSQL's tsquery.

Words match by prefix, and all must match; `"a phrase"` matches whole words in a row; `-term` excludes; `OR` separates
alternatives.
A term without words, such as an emoji, matches verbatim. Every text is a valid search.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from models.text.lexemes import MAX_WORD_LENGTH, Run, RunKind, pairs_of, quote_lexeme, split_runs
from services.errors import InvalidInput

MAX_SEARCH = 1000  # characters
_TERM = re.compile(r'(?P<minus>(?:-(?!-))?)(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


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
    """Return the text in the syntax of tsquery. An exclusion holds for all alternatives.

    A text without terms, such as `OR`, is one term.
    """
    alternatives: list[list[str]] = [[]]
    excluded: list[str] = []
    for term in _TERM.finditer(text):
        if term["word"] == "OR" and not term["minus"]:
            alternatives.append([])
        elif operand := _operand(term["word"] or term["phrase"], is_phrase=term["word"] is None):
            (excluded if term["minus"] else alternatives[-1]).append(operand)
    required = " | ".join(" & ".join(operands) for operands in alternatives if operands)
    conditions = [*([f"({required})"] if required else []), *(f"!({operand})" for operand in excluded)]
    return " & ".join(conditions) or _operand(text, is_phrase=False)


def _operand(term: str, *, is_phrase: bool) -> str:
    """Return the tsquery of a term, or an empty text if nothing of it is visible."""
    runs = split_runs(term)
    words = [run for run in runs if run.kind in {RunKind.WORD, RunKind.UNSPACED}]
    if words:
        return " <-> ".join(_word_lexemes(words, is_phrase=is_phrase))
    return _symbols([run for run in runs if run.kind is RunKind.SYMBOL])


def _word_lexemes(words: list[Run], *, is_phrase: bool) -> Iterator[str]:
    """Yield the lexemes of words in a row. The last word matches by prefix, except in a phrase."""
    for index, word in enumerate(words):
        is_last = index == len(words) - 1
        if word.kind is RunKind.WORD:
            yield quote_lexeme(word.text[:MAX_WORD_LENGTH]) + (":*" if is_last and not is_phrase else "")
        else:
            *pairs, last = pairs_of(word.text)
            yield from map(quote_lexeme, pairs)
            # In the text, the last character may be the first one of a pair.
            if not (is_last and pairs):
                yield quote_lexeme(last) + ":*"


def _symbols(runs: list[Run]) -> str:
    """Return the tsquery of symbols at the same distances as in the term."""
    located = [(run.start + index, quote_lexeme(symbol)) for run in runs for index, symbol in enumerate(run.text)]
    following = (f" <{end - start}> {symbol}" for (start, _), (end, symbol) in pairwise(located))
    return "".join([*(symbol for _, symbol in located[:1]), *following])
