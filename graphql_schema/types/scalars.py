"""Custom scalars."""

from collections.abc import Mapping
from datetime import datetime
from operator import methodcaller

from strawberry import scalar
from strawberry.types.scalar import ScalarDefinition


def _parse_text(value: object) -> str:
    """Return a text unchanged: services parse it for both APIs, so that errors have pointers."""
    if not isinstance(value, str):
        msg = 'DateTime requires a string, such as "2026-12-01T09:00:00Z".'
        raise ValueError(msg)  # noqa: TRY004 - graphql-core expects ValueError
    return value


DATE_TIME: ScalarDefinition = scalar(
    name="DateTime",
    description="Date and time with an offset, such as `2026-12-01T09:00:00+01:00`; results are in UTC.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339#section-5.6",
    serialize=methodcaller("isoformat"),
    parse_value=_parse_text,
)
SCALARS: Mapping[object, ScalarDefinition] = {datetime: DATE_TIME}
