"""Lexemes of the full-text search: the words and symbols of a text, with their positions, as a PostgreSQL tsvector.

PostgreSQL's own parser depends on the locale of the database, and does not find words in scripts without spaces. Words are runs
of letters, numbers and marks. A run in a script without spaces becomes overlapping pairs: 準備搬家 has 準備, 備搬, 搬家, and 家
at its end. All other characters, such as emoji, are lexemes of their own. Words and symbols have separate ranges of positions, so
that punctuation does not separate the words of a phrase, and symbols are found verbatim.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

from models.text.folding import search_key

MAX_WORD_LENGTH = 500  # characters; PostgreSQL's lexemes have at most 2,046 bytes
_LAST_WORD_POSITION = 8191
_FIRST_SYMBOL_POSITION = 8192  # PostgreSQL's positions end at 16,383; it reduces larger ones to that
_GAP = 10  # positions between title and description, so that no phrase crosses them

# Bopomofo, Han, kana and Yi; Thai, Lao, Myanmar, Khmer, Tai scripts, Balinese, Javanese and Cham.
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff\U00016fe0-\U00018d8f\U0001aff0-\U0001b2ff\U00020000-\U0003ffff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa00-\uaadf]"
)


class RunKind(Enum):
    """Kind of the characters of a run."""

    SPACE = "space"
    SYMBOL = "symbol"
    WORD = "word"
    UNSPACED = "unspaced"


class Run(NamedTuple):
    """Characters of one kind in a row, and the index of the first one in the text."""

    kind: RunKind
    start: int
    text: str


def split_runs(text: str) -> list[Run]:
    """Return the runs of the text's search key, in which white space is one space."""
    key, runs, start = " ".join(search_key(text).split()), [], 0
    for kind, characters in groupby(key, _kind_of):
        run = "".join(characters)
        runs.append(Run(kind, start, run))
        start += len(run)
    return runs


def pairs_of(run: str) -> list[str]:
    """Return the overlapping pairs of the characters, and the last character."""
    return [*(first + second for first, second in pairwise(run)), run[-1]]


def quote_lexeme(lexeme: str) -> str:
    """Return the lexeme in the syntax of tsvector and tsquery."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def task_lexemes(title: str, description: str | None) -> str:
    """Return the lexemes of a task as a tsvector; those in the title have a higher weight."""
    positions: dict[str, list[str]] = {}
    word = symbol = 0
    for weight, text in (("A", title), ("B", description or "")):
        runs = split_runs(text)
        for lexeme, position in _locate_words(runs, word):
            word = position
            positions.setdefault(lexeme, []).append(f"{min(position, _LAST_WORD_POSITION)}{weight}")
        for lexeme, position in _locate_symbols(runs, symbol):
            positions.setdefault(lexeme, []).append(f"{_FIRST_SYMBOL_POSITION + position}{weight}")
        word += _GAP
        symbol += sum(len(run.text) for run in runs) + _GAP
    return " ".join(f"{quote_lexeme(lexeme)}:{','.join(found)}" for lexeme, found in positions.items())


def _locate_words(runs: list[Run], last: int) -> Iterator[tuple[str, int]]:
    for run in runs:
        if run.kind is RunKind.WORD:
            last += 1
            yield run.text[:MAX_WORD_LENGTH], last
        elif run.kind is RunKind.UNSPACED:
            for pair in pairs_of(run.text):
                last += 1
                yield pair, last


def _locate_symbols(runs: list[Run], first: int) -> Iterator[tuple[str, int]]:
    for run in runs:
        if run.kind is RunKind.SYMBOL:
            yield from ((symbol, first + run.start + index) for index, symbol in enumerate(run.text))


@lru_cache(maxsize=4096)
def _kind_of(character: str) -> RunKind:
    if character.isspace():
        return RunKind.SPACE
    if unicodedata.category(character)[0] not in "LNM":
        return RunKind.SYMBOL
    return RunKind.UNSPACED if _UNSPACED.match(character) else RunKind.WORD
