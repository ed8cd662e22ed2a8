"""Words that this project does not use, each with the standard term to use instead.

The names, comments, messages and documents of a project are searched by people who know FastAPI, SQLAlchemy, GraphQL and HTTP.
Words with everyday technical meanings (take, given, line, place, tree) are left to review.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import NamedTuple

BANNED_WORDS: Mapping[str, str] = {
    "door": "REST API, GraphQL API",
    "room": "module, package, layer",
    "house": "container",
    "gate": "authenticator",
    "reception": "auth service",
    "admission": "token response",
    "admit": "start a session, accept",
    "welcome": "provision a user",
    "newcomer": "external user",
    "visitor": "client",
    "stranger": "anonymous client",
    "nobody": "no client, no user",
    "somebody": "a user, a client",
    "anybody": "any user, any client",
    "everybody": "all users, all clients",
    "whoever": "a client that, a user who",
    "lease": "credential, login session, API token",
    "purse": "quota",
    "allowance": "quota",
    "tally": "usage",
    "prepay": "reserve",
    "alarm": "timer",
    "bell": "signal",
    "rehearse": "compile",
    "rehearsal": "compiled operation",
    "repertoire": "operation cache",
    "wish": "preference, field selection",
    "noun": "resource, object type",
    "flaw": "validation error",
    "complaint": "validation error",
    "mend": "fix",
    "misspelt": "unknown",
    "bear": "have a tag",
    "borne": "tagged",
    "bearers": "tagged tasks",
    "bury": "soft-delete",
    "exhume": "restore",
    "living": "active, not deleted",
    "farewell": "close",
    "patience": "timeout",
    "estate": "resources of a user",
    "twin": "user with the same ids",
    "errand": "action",
    "dice": "random source",
    "motley": "varied",
    "specimen": "row",
    "census": "request counter",
    "verdict": "result, check",
    "naughty": "unusual",
    "hostile": "malformed",
    "deadly": "critical",
    "yardstick": "baseline",
    "contest": "benchmark",
    "talkative": "redacted",
}
_SUFFIXES = ("", "s", "es", "d", "ed", "ing", "er", "ers")
_IRREGULAR = {
    "tallies": "tally",
    "buried": "bury",
    "buries": "bury",
    "rehearsing": "rehearse",
    "admitted": "admit",
    "admits": "admit",
}
BANNED_PHRASES: Mapping[str, str] = {
    "let go of": "close, release, evict",
    "lets go of": "closes, releases, evicts",
    "at once": "concurrently, immediately",
    "as it stands": "verbatim",
    "just now": "(omit)",
    "comes back": "is available again",
    "dies at once": "is revoked immediately",
    "way in": "credential",
    "ways in": "credentials",
    "see to it": "ensure",
    "sees to it": "ensures",
}
# A docstring begins with a noun phrase or an imperative that says what is done.
BANNED_DOCSTRING_STARTS = frozenset(
    {"Tell", "Tells", "Answer", "Answers", "Say", "Says", "Let", "Lets", "See", "Hear", "Whoever", "What"}
)

_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PHRASES = re.compile(r"\b(" + "|".join(phrase.replace(" ", r"\s+") for phrase in BANNED_PHRASES) + r")\b", re.IGNORECASE)


# Uses with another meaning: (path pattern, word), and the reason.
ALLOWED: Mapping[tuple[str, str], str] = {
    ("graphql_schema/documents/bind_parameters.py", "visitor"): "graphql-core's Visitor, a walk through a syntax tree",
    **dict.fromkeys(
        (
            ("models/postgres_process/system_user.py", "nobody"),
            ("tests/process/test_embedded_postgres.py", "nobody"),
            ("docs/adr/0015-embedded-postgresql-process.md", "nobody"),
            ("docs/guides/configuration.md", "nobody"),
        ),
        "name of a system user",
    ),
    ("CHANGELOG.md", "admission"): "former name of an OpenAPI schema",
    ("CHANGELOG.md", "flaw"): "former name of an OpenAPI schema",
}


class Finding(NamedTuple):
    """A banned word, where it was found, and what to write instead."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}; write: {self.instead}"


def find_banned_words(path: str, text: str) -> Iterator[Finding]:
    """Yield the banned words of a text and of its path; identifiers are split at underscores and capitals."""
    for word in _words(path):
        if word in _FORMS:
            yield Finding(path, 0, word, BANNED_WORDS[_FORMS[word]])
    for number, line in enumerate(text.splitlines(), start=1):
        for word in _words(line):
            if word in _FORMS:
                yield Finding(path, number, word, BANNED_WORDS[_FORMS[word]])
    for match in _PHRASES.finditer(text):
        phrase = " ".join(match[0].lower().split())
        yield Finding(path, text.count("\n", 0, match.start()) + 1, phrase, BANNED_PHRASES[phrase])


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in _HUMPS.findall(text))


def _forms(word: str) -> Iterator[str]:
    yield from (word + suffix for suffix in _SUFFIXES)
    if word.endswith("e"):
        yield from (word[:-1] + suffix for suffix in ("ing", "ed"))


_FORMS = {form: word for word in BANNED_WORDS for form in _forms(word) if form not in {"bearer", "bearing", "deed"}} | _IRREGULAR


def is_allowed(finding: Finding) -> bool:
    """Return whether the word has another meaning in this file."""
    return any(fnmatch(finding.path, pattern) and finding.word == word for pattern, word in ALLOWED)
