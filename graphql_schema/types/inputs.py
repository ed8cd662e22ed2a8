"""What goes in. `Maybe` keeps absent apart from null; the rules are the service layer's, the same as for REST."""

from typing import Any, TypeVar

import strawberry
from pydantic import ValidationError
from strawberry import Maybe, Some

from graphql_schema.types.enums import Priority, Scope, Status
from models.input_schemas import InputSchema
from services.errors import InvalidInput

Schema = TypeVar("Schema", bound=InputSchema)

_OWN_ID = "Your own UUID, for offline clients; made by the service if absent. With it, sending again is safe."
_POSITION = "Orders siblings; new ones go last. To move one, give it a number between its neighbours."


def _optional(text: str) -> Any:
    return strawberry.field(default=None, description=text)


@strawberry.input(description="A new task.")
class CreateTaskInput:
    """A new task."""

    title: str = strawberry.field(description="1 to 200 characters.")
    id: Maybe[strawberry.ID | None] = _optional(_OWN_ID)
    description: Maybe[str | None] = _optional("Up to 2000 characters.")
    status: Maybe[Status | None] = _optional("PENDING if absent.")
    priority: Maybe[Priority | None] = _optional("NONE if absent.")
    list_id: Maybe[strawberry.ID | None] = _optional("The list to put it in.")
    parent_id: Maybe[strawberry.ID | None] = _optional("The task to make it a subtask of.")
    tag_ids: Maybe[list[strawberry.ID] | None] = _optional("The tags it bears, up to 100.")
    position: Maybe[float | None] = _optional(_POSITION)


@strawberry.input(description="Changes to a task: what is absent stays, null clears.")
class UpdateTaskInput:
    """Changes to a task."""

    title: Maybe[str | None] = _optional("1 to 200 characters.")
    description: Maybe[str | None] = _optional("Up to 2000 characters.")
    status: Maybe[Status | None] = _optional("How far it is.")
    priority: Maybe[Priority | None] = _optional("How pressing it is.")
    list_id: Maybe[strawberry.ID | None] = _optional("The list to put it in.")
    parent_id: Maybe[strawberry.ID | None] = _optional("The task to make it a subtask of.")
    tag_ids: Maybe[list[strawberry.ID] | None] = _optional("The tags it bears, instead of those it had.")
    position: Maybe[float | None] = _optional(_POSITION)


_COLOR = "#rgb, #rrggbb or a name."


@strawberry.input(description="A new list.")
class CreateListInput:
    """A new list."""

    name: str = strawberry.field(description="1 to 100 characters.")
    id: Maybe[strawberry.ID | None] = _optional(_OWN_ID)
    color: Maybe[str | None] = _optional(_COLOR)
    position: Maybe[float | None] = _optional(_POSITION)


@strawberry.input(description="Changes to a list: what is absent stays, null clears.")
class UpdateListInput:
    """Changes to a list."""

    name: Maybe[str | None] = _optional("1 to 100 characters.")
    color: Maybe[str | None] = _optional(_COLOR)
    position: Maybe[float | None] = _optional(_POSITION)


@strawberry.input(description="A new tag.")
class CreateTagInput:
    """A new tag."""

    name: str = strawberry.field(description="1 to 50 characters, unique among your tags, ignoring case.")
    id: Maybe[strawberry.ID | None] = _optional(_OWN_ID)
    color: Maybe[str | None] = _optional(_COLOR)


@strawberry.input(description="Changes to a tag: what is absent stays, null clears.")
class UpdateTagInput:
    """Changes to a tag."""

    name: Maybe[str | None] = _optional("1 to 50 characters, unique among your tags, ignoring case.")
    color: Maybe[str | None] = _optional(_COLOR)


@strawberry.input(description="A new comment on a task.")
class AddCommentInput:
    """A new comment."""

    task_id: strawberry.ID = strawberry.field(description="What it is on.")
    body: str = strawberry.field(description="1 to 5000 characters.")
    id: Maybe[strawberry.ID | None] = _optional(_OWN_ID)


@strawberry.input(description="Changes to a comment.")
class UpdateCommentInput:
    """Changes to a comment."""

    body: Maybe[str | None] = _optional("1 to 5000 characters.")


@strawberry.input(description="A new account.")
class RegisterInput:
    """A new account."""

    email: str = strawberry.field(description="What you log in with.")
    password: str = strawberry.field(description="8 to 256 characters.")
    name: Maybe[str | None] = _optional("What to call you.")


@strawberry.input(description="What you log in with.")
class LogInInput:
    """Credentials."""

    email: str = strawberry.field(description="As registered, in any case.")
    password: str = strawberry.field(description="As registered.")


@strawberry.input(description="What a session goes on with.")
class RefreshInput:
    """A refresh token."""

    refresh_token: str = strawberry.field(description="The newest one of the session; each is good for one refresh.")


@strawberry.input(description="Which session to end.")
class LogOutInput:
    """A session."""

    refresh_token: Maybe[str | None] = _optional("A refresh token of the session, where its access token has expired.")


@strawberry.input(description="A new token for a program.")
class CreateApiTokenInput:
    """A new API token."""

    name: str = strawberry.field(description="1 to 100 characters: what it is for.")
    scopes: list[Scope] = strawberry.field(description="What it may do; writing includes reading.")
    expires_in_days: Maybe[int | None] = _optional("1 to 366; 90 if absent.")


@strawberry.input(description="Changes to your account: what is absent stays, null clears.")
class UpdateAccountInput:
    """Changes to one's own account."""

    email: Maybe[str | None] = _optional("A new e-mail; needs the current password.")
    name: Maybe[str | None] = _optional("What to call you.")
    password: Maybe[str | None] = _optional("A new password; needs the current one.")
    current_password: Maybe[str | None] = _optional("The password until now.")


def input_fields(given: Any) -> dict[str, Any]:
    """Return the members of an input that were sent, by name; null where null was sent."""
    sent = {name: value for name, value in vars(given).items() if value is not None}
    return {name: value.value if isinstance(value, Some) else value for name, value in sent.items()}


def parse_input(kind: type[Schema], given: Any, pointer: str = "") -> Schema:
    """Build the shape that REST bodies are checked by. Raises InvalidInput."""
    try:
        return kind.model_validate(given if isinstance(given, dict) else input_fields(given))
    except ValidationError as error:
        raise InvalidInput.from_pydantic(error.errors(), prefix=pointer) from None
