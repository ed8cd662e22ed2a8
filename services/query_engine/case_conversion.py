"""camelCase and snake_case: GraphQL spells names one way, everything below it the other; filters may be spelt either way."""

import re

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_BAR = re.compile(r"_([a-z])")


def to_snake_case(name: str) -> str:
    """CreatedAt → created_at."""
    return _HUMP.sub(r"_\1", name).lower()


def to_camel_case(name: str) -> str:
    """created_at → createdAt; works on JSON pointers too."""
    return _BAR.sub(lambda bar: bar[1].upper(), name)


def keys_to_snake_case(tree: object) -> object:
    """Spell all keys of a tree the other way. Raises ValueError where two keys become one."""
    if isinstance(tree, dict):
        spelt = {to_snake_case(key): keys_to_snake_case(value) for key, value in tree.items()}
        if len(spelt) < len(tree):
            raise ValueError(tree.keys())
        return spelt
    if isinstance(tree, list):
        return [keys_to_snake_case(value) for value in tree]
    return tree
