"""Base classes of the input schemas, which validate the writes of both APIs."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

READ_ONLY = frozenset({"user_id", "completed_at", "created_at", "updated_at", "revision"})


def optional_not_null() -> Any:
    """Declare a field that may be omitted but not null. The default is never read, and the JSON schema has none."""
    return Field(default_factory=lambda: None)


class InputSchema(BaseModel):
    """A validated request body. An omitted field, unlike null, is not in `model_fields_set`.

    Clients may send a row back as they received it: read-only fields and included relations are accepted and ignored, other
    unknown fields are errors.
    """

    model_config = ConfigDict(extra="forbid", use_enum_values=True, frozen=True)
    ignored_fields: ClassVar[frozenset[str]] = READ_ONLY
    relations: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _remove_ignored(cls, body: Any) -> Any:
        return (
            {name: value for name, value in body.items() if not cls._is_ignored(name, value)} if isinstance(body, dict) else body
        )

    @classmethod
    def _is_ignored(cls, name: object, value: object) -> bool:
        return name in cls.ignored_fields or (name in cls.relations and _is_included_relation(value))

    def sent_fields(self) -> dict[str, Any]:
        """Return the fields that the client sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def _is_included_relation(value: object) -> bool:
    """Return whether the value is what `include=` adds: an object, a list of objects or null.

    Anything else, such as a list of tag names as `tags`, stays an unknown field: ignoring it would lose what the client meant.
    """
    return value is None or all(isinstance(row, dict) for row in (value if isinstance(value, list) else [value]))


class UpdateSchema(InputSchema):
    """A request body that updates a row; its id is in the path."""

    ignored_fields: ClassVar[frozenset[str]] = READ_ONLY | {"id"}
