"""Parser of JSON from clients, with a limit of nesting."""

from collections.abc import Iterable

import orjson

MAX_JSON_DEPTH = 64


class JsonError(ValueError):
    """What is wrong with the text, to be put behind its name."""


def parse_json(text: str | bytes) -> object:
    """Return the value. It has no NaN, no lone surrogates, no invalid UTF-8. Raises NotReadableError."""
    try:
        tree: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg:
            raise _too_deep() from None
        raise JsonError(f"is not JSON: {error}.") from None
    if _count_brackets(text) > MAX_JSON_DEPTH and _exceeds_depth(tree):
        raise _too_deep()
    return tree


def _too_deep() -> JsonError:
    return JsonError(f"nests deeper than {MAX_JSON_DEPTH} levels; flatten it.")


def _count_brackets(text: str | bytes) -> int:
    """No tree is deeper than its text has brackets: that settles it for almost all."""
    return text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")


def _exceeds_depth(tree: object) -> bool:
    level = [tree]
    for _ in range(MAX_JSON_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
