"""What nobody would send: values of all kinds that programs stumble over, and texts that were good until they came here."""

import json
from typing import Any

from hypothesis import strategies as st

# What has felled more programs than all the rest together.
DEADLY = ("\x00", "a\x00b", "\ud800", "", "x" * 20_000)
NAUGHTY = (
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
ODD = (0.0, -0.0, 1.5, -1, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"))

texts = st.one_of(
    st.sampled_from(DEADLY), st.sampled_from(NAUGHTY), st.text(max_size=30), st.text(st.characters(codec=None), max_size=8)
)
numbers: st.SearchStrategy[Any] = st.one_of(st.sampled_from([*HUGE, *ODD]), st.integers(), st.floats())
scalars: st.SearchStrategy[Any] = st.one_of(texts, numbers, st.booleans(), st.none())
trees: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(texts, below, max_size=3)), max_leaves=8
)
depths = st.sampled_from([30, 130, 700, 3000])


@st.composite
def deep(draw: st.DrawFn) -> str:
    """Return JSON that nests deeper than anyone can follow; now and then it never ends."""
    depth = draw(depths)
    opening, closing = draw(st.sampled_from([("[", "]"), ('{"not":', "}"), ('{"and":[', "]}"), ('{"a":', "}")]))
    return opening * depth + draw(st.sampled_from(["", "{}", "1"])) + closing * (depth if draw(st.booleans()) else 0)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """Return a text with a few accidents: cut, doubled, turned around, or with something in it that does not belong there."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(text) - 1)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        before, part, after = text[:start], text[start:end], text[end:]
        text = draw(
            st.sampled_from([before, before + after, before + part * 2 + after, before + part[::-1] + after, after + before])
            | texts.map(lambda piece: before + piece + after)  # noqa: B023 - used at once
        )
    return text


def spoiled(tree: Any) -> st.SearchStrategy[Any]:
    """Return the tree with something else in one place, most of the time at the end of a branch."""
    places = list(_places(tree))
    ends = [path for path in places if not isinstance(_at(tree, path), dict | list)] or places
    anything = st.one_of(texts, texts, scalars, trees)
    return st.tuples(st.sampled_from(ends) | st.sampled_from(places), anything).map(lambda drawn: _with(tree, *drawn))


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in members:
        yield from _places(value, (*path, key))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _with(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    items = dict(tree) if isinstance(tree, dict) else list(tree)
    items[key] = _with(items[key], tuple(rest), value)
    return items


def as_json(tree: Any) -> bytes:
    """Write any tree, also what is no JSON: NaN, numbers without end, half of a pair of surrogates."""
    return json.dumps(tree).encode()


def as_header(text: str) -> bytes:
    """Return as much of a text as HTTP lets through in a header."""
    raw = text.encode("utf-8", "surrogatepass")[:8000]
    return bytes(byte for byte in raw if byte >= 32 and byte != 127).strip()
