"""Query parameters of REST reads. An unknown parameter is an error, so that a typo never removes a filter."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from models.schemas.field_types import Id, NoNulCharacter
from models.task import Priority

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
# Characters. A cursor holds the title or name that the list is sorted by, each character in up to six bytes and then in base64.
MAX_CURSOR_LENGTH = 10_000
MAX_FILTER_LENGTH = 10_000


def _null_is_none(value: object) -> object:
    return None if value == "null" else value


_ID_OR_NULL = {"anyOf": [{"type": "string", "format": "uuid"}, {"const": "null"}]}
Reference = Annotated[Id | None, BeforeValidator(_null_is_none), WithJsonSchema(_ID_OR_NULL)]
SearchText = Annotated[str, Field(max_length=1000), NoNulCharacter, AfterValidator(str.strip)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowQuery(_Query):
    """Query parameters that select the fields of a row."""

    include: Annotated[
        str,
        Field(
            max_length=500,
            description="Relations to include, for example `tags,subtasks.tags`. A nested list has at most 500 rows.",
        ),
    ] = ""
    fields: Annotated[
        str,
        Field(
            max_length=1000,
            description="Fields to return, for example `id,title,tags.name`. The name of a relation selects all its fields.",
        ),
    ] = ""


class PageQuery(RowQuery):
    """Query parameters of a list: page and sort order."""

    sort: Annotated[
        str,
        Field(
            max_length=100, description="Sort keys, for example `priority,-created`; `-` means descending.", examples=["-created"]
        ),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE, description="Number of rows per page.")] = DEFAULT_PAGE_SIZE
    cursor: Annotated[
        str | None, Field(max_length=MAX_CURSOR_LENGTH, description="Cursor from the Link header of the previous page.")
    ] = None


class TaskQuery(PageQuery):
    """Query parameters of a list of tasks: filters and full-text search."""

    status: Annotated[
        Literal["all", "pending", "in_progress", "completed"], Field(description="Status of the tasks, or `all`.")
    ] = "all"
    completed: bool | None = None
    list_id: Annotated[Reference, Field(description="Id of the list; `null` for tasks without a list.")] = None
    tag_id: Annotated[Id | None, Field(description="Id of a tag of the tasks.")] = None
    parent_id: Annotated[Reference, Field(description="Id of the parent task; `null` for tasks that are not subtasks.")] = None
    priority: Priority | None = None
    search: Annotated[
        SearchText | None,
        Field(
            max_length=1000,
            description="Full-text search in title and description by word prefixes, ignoring case and accents; supports "
            '`"a phrase"`, `-excluded` and `this OR that`. Ordered by relevance unless `sort` is set.',
        ),
    ] = None
    filter: Annotated[
        str | None,
        Field(
            max_length=MAX_FILTER_LENGTH,
            description='Filter as JSON, such as `{"or": [{"priority": {"in": ["high"]}}, {"title": {"contains": "milk"}}]}`.',
        ),
    ] = None
