"""Input schema of the place to which a row is moved."""

from enum import StrEnum
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from models.schemas.field_types import Id
from models.schemas.input_schemas import InputSchema


class OrderEnd(StrEnum):
    """End of an order."""

    FIRST = "first"
    LAST = "last"


_PLACES = ("before", "after", "to")


def _one_place_is_required(schema: dict[str, Any]) -> None:
    """Add to the JSON schema that exactly one place is required; a place that is null counts as absent."""
    schema["oneOf"] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in _PLACES]


class MoveInput(InputSchema):
    """Exactly one of `before`, `after` and `to`."""

    model_config = ConfigDict(json_schema_extra=_one_place_is_required)

    before: Id | None = Field(default=None, description="Id of the sibling that will follow.")
    after: Id | None = Field(default=None, description="Id of the sibling that will precede.")
    to: OrderEnd | None = Field(default=None, description="End of the order.")

    @property
    def pointer(self) -> str:
        """Return the JSON pointer to the place."""
        return next(f"/{name}" for name in _PLACES if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if sum(getattr(self, name) is not None for name in _PLACES) != 1:
            msg = "Send exactly one of `before`, `after` and `to`."
            raise ValueError(msg)
        return self
