"""What all write bodies have in common, whichever door they came through."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

READ_ONLY = frozenset({"user_id", "completed_at", "created_at", "updated_at", "revision"})


def optional_not_null() -> Any:
    """Declare a member that may be left out but not null; its placeholder is never read, and the schema shows no default."""
    return Field(default_factory=lambda: None)


class InputSchema(BaseModel):
    """A validated body. A member that is absent is not in `model_fields_set`: absent and null are different things.

    A client may send back what it got, so the read-only members are accepted and ignored; any other unknown member is an error.
    """

    model_config = ConfigDict(extra="forbid", use_enum_values=True, frozen=True)
    ignored_fields: ClassVar[frozenset[str]] = READ_ONLY

    @model_validator(mode="before")
    @classmethod
    def _ignore_read_only(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if name not in cls.ignored_fields}

    def sent_fields(self) -> dict[str, Any]:
        """Return the members that the client sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class UpdateSchema(InputSchema):
    """A body that changes an existing row, whose id stands in the path."""

    ignored_fields: ClassVar[frozenset[str]] = READ_ONLY | {"id"}
