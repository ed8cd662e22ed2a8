"""Settings in docs/guides/configuration.md, compared with api.settings."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest
from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from api.settings import DEPRECATED_NAMES, Settings, setting_names

GUIDE = (Path(__file__).parents[2] / "docs/guides/configuration.md").read_text()
TOPICS, _, DEPRECATED = GUIDE.partition("\n## Deprecated names\n")


class Row(NamedTuple):
    """One row of a table of settings."""

    names: str
    default: str
    allowed: str
    meaning: str


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of all rows of tables that begin with a name in backticks."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def spans(cell: str) -> list[str]:
    """Return the texts in backticks."""
    return re.findall(r"`([^`]+)`", cell)


ROWS = {spans(row.names)[0].lower(): row for row in (Row(*cells) for cells in rows(TOPICS))}


def shown_default(field: FieldInfo) -> str:
    """Return a default as the guide writes it."""
    value = field.default
    if value is None or value == ():
        return "unset"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def shown_range(field: FieldInfo) -> str | None:
    """Return the range of a number as the guide writes it; None if there is none."""
    lowest = [bound.ge for bound in field.metadata if isinstance(bound, Ge)]
    highest = [bound.le for bound in field.metadata if isinstance(bound, Le)]
    return f"{lowest[0]} to {highest[0]}" if lowest and highest else None


def test_guide_names_every_setting_once() -> None:
    named = [name for cells in rows(TOPICS) for name in spans(cells[0])]

    assert sorted(named) == sorted(setting_names())


@pytest.mark.parametrize("name", Settings.model_fields)
def test_guide_shows_the_default(name: str) -> None:
    assert ROWS[name].default == shown_default(Settings.model_fields[name])


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if shown_range(field)])
def test_guide_shows_the_allowed_range(name: str) -> None:
    assert ROWS[name].allowed.partition(";")[0] == shown_range(Settings.model_fields[name])


def test_guide_lists_the_deprecated_names() -> None:
    listed = {spans(old)[0].lower(): spans(new)[0].lower() for old, new in rows(DEPRECATED)}

    assert listed == DEPRECATED_NAMES
