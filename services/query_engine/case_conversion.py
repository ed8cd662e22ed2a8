"""Conversion between camelCase (GraphQL) and snake_case (REST, services); REST filters accept both."""

import re

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_UNDERSCORE = re.compile(r"_([a-z])")


def to_snake_case(name: str) -> str:
    """Return the name in snake_case: createdAt → created_at."""
    return _CAPITAL.sub(r"_\1", name).lower()


def to_camel_case(name: str) -> str:
    """Return the name in camelCase: created_at → createdAt. JSON pointers are converted too."""
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def keys_to_snake_case(value: object) -> object:
    """Return the JSON value with all keys in snake_case. Raises ValueError if two keys become equal."""
    if isinstance(value, dict):
        converted = {to_snake_case(key): keys_to_snake_case(child) for key, child in value.items()}
        if len(converted) < len(value):
            raise ValueError(value.keys())
        return converted
    if isinstance(value, list):
        return [keys_to_snake_case(item) for item in value]
    return value
