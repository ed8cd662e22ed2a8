"""Types of JSON values: what the query engine returns, and what both APIs serialize without another look."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

# Containers are read-only types, so that a list of objects is a value too. The serializer writes times as RFC 3339 texts.
JsonValue: TypeAlias = "bool | int | float | str | datetime | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]
