"""Unusual values, and mutations of valid ones."""

import json
from typing import Any

from hypothesis import strategies as st

# Strings that cause errors in programs most often.
CRITICAL_STRINGS = ("\x00", "a\x00b", "\ud800", "", "x" * 20_000)
UNUSUAL_STRINGS = (
    " ",
    "\udfff\ud800",
    "\uffff",
    "\ufeff",
    "\u202e",
    "\u0130",
    "\ufdfa" * 40,
    "e" + "\u0301" * 300,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "x" * 300,
    "\r\nSet-Cookie: a=b",
    "' OR 1=1; --",
    "{{7*7}}${7*7}%s%n%(x)s",
    "../../etc/passwd",
    "%00%2f%",
    "null",
    "true",
    "NaN",
    "-0",
    "1e400",
    "\u0661\u0662\u0663",
    "{",
    "]",
    '"',
    "\\",
    "$x",
    "#",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "2026-01-01T00:00:00",
    "00000000-0000-0000-0000-000000000000",
    "0" * 32,
    "{01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e}",
    "urn:uuid:01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e",
)
HUGE = (2**31, -(2**31) - 1, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**22, 10**400)
ANY_VALUE = (0.0, -0.0, 1.5, -1, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"))

strings = st.one_of(
    st.sampled_from(CRITICAL_STRINGS),
    st.sampled_from(UNUSUAL_STRINGS),
    st.text(max_size=30),
    st.text(st.characters(codec=None), max_size=8),
)
numbers: st.SearchStrategy[Any] = st.one_of(st.sampled_from([*HUGE, *ANY_VALUE]), st.integers(), st.floats())
scalars: st.SearchStrategy[Any] = st.one_of(strings, numbers, st.booleans(), st.none())
trees: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda children: st.one_of(st.lists(children, max_size=3), st.dictionaries(strings, children, max_size=3)),
    max_leaves=8,
)
depths = st.sampled_from([30, 130, 700, 3000])


@st.composite
def deep(draw: st.DrawFn) -> str:
    """Return deeply nested JSON, sometimes without its end."""
    depth = draw(depths)
    opening, closing = draw(st.sampled_from([("[", "]"), ('{"not":', "}"), ('{"and":[', "]}"), ('{"a":', "}")]))
    return opening * depth + draw(st.sampled_from(["", "{}", "1"])) + closing * (depth if draw(st.booleans()) else 0)


@st.composite
def mutate_text(draw: st.DrawFn, text: str) -> str:
    """Return the text with a few mutations: cut, duplicated, reversed or with inserted text."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(text) - 1)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        before, part, after = text[:start], text[start:end], text[end:]
        text = draw(
            st.sampled_from([before, before + after, before + part * 2 + after, before + part[::-1] + after, after + before])
            | strings.map(lambda piece: before + piece + after)  # noqa: B023 - called immediately
        )
    return text


def mutate_tree(tree: Any) -> st.SearchStrategy[Any]:
    """Return the tree with one value replaced, most of the time a leaf."""
    paths = list(_paths(tree))
    leaves = [path for path in paths if not isinstance(_get(tree, path), dict | list)] or paths
    replacements = st.one_of(strings, strings, scalars, trees)
    return st.tuples(st.sampled_from(leaves) | st.sampled_from(paths), replacements).map(lambda drawn: _set(tree, *drawn))


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    fields = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in fields:
        yield from _paths(value, (*path, key))


def _get(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _set(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    items = dict(tree) if isinstance(tree, dict) else list(tree)
    items[key] = _set(items[key], tuple(rest), value)
    return items


def as_json(tree: Any) -> bytes:
    """Serialize any tree, even with NaN, infinity and lone surrogates."""
    return json.dumps(tree).encode()


def as_header(text: str) -> bytes:
    """Return as much of a text as HTTP allows in a header."""
    raw = text.encode("utf-8", "surrogatepass")[:8000]
    return bytes(byte for byte in raw if byte >= 32 and byte != 127).strip()
