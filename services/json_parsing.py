"""Parser for JSON from clients, with a nesting limit."""

from collections.abc import Iterable

import orjson

MAX_JSON_DEPTH = 64


class JsonError(ValueError):
    """Reason why the text is invalid, as a predicate: callers prepend a subject such as "The body"."""


def parse_json(text: str | bytes) -> object:
    """Return the parsed value. Raises JsonError, also for NaN, lone surrogates and invalid UTF-8."""
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise _too_deep() from None
        raise JsonError(f"is not valid JSON: {error}.") from None
    if _count_brackets(text) > MAX_JSON_DEPTH and _exceeds_depth(value):
        raise _too_deep()
    return value


def _too_deep() -> JsonError:
    return JsonError(f"is nested deeper than {MAX_JSON_DEPTH} levels.")


def _count_brackets(text: str | bytes) -> int:
    """Return the number of opening brackets: an upper bound of the depth, low enough for almost all texts."""
    return text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")


def _exceeds_depth(value: object) -> bool:
    current = [value]
    for _ in range(MAX_JSON_DEPTH):
        current = [child for parent in current for child in _children(parent) if isinstance(child, dict | list)]
        if not current:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
