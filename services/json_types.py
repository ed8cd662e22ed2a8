"""Types of JSON values, which the query engine returns and both APIs serialize without validating them again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

# The containers are covariant (read-only) types, so that list[JsonObject] is a JsonValue too. Times are serialized as RFC 3339.
JsonValue: TypeAlias = "bool | int | float | str | datetime | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]
