"""Query parameters of lists, as validated shapes. An unknown parameter is an error, so that a typo never widens an answer."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from models.field_types import Id, NoNulCharacter
from models.task import Priority

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


def _null_is_none(value: object) -> object:
    return None if value == "null" else value


_ID_OR_NULL = {"anyOf": [{"type": "string", "format": "uuid"}, {"const": "null"}]}
Reference = Annotated[Id | None, BeforeValidator(_null_is_none), WithJsonSchema(_ID_OR_NULL)]
SearchText = Annotated[str, Field(max_length=1000), NoNulCharacter, AfterValidator(str.strip)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowQuery(_Query):
    """How one row is shown."""

    include: Annotated[
        str, Field(max_length=500, description="Relations to nest: `tags,subtasks.tags`. A nested list holds up to 500 rows.")
    ] = ""
    fields: Annotated[
        str, Field(max_length=1000, description="Only these: `id,title,tags.name`; a relation alone, `tags`, means all of it.")
    ] = ""


class PageQuery(RowQuery):
    """Which page, in which order."""

    sort: Annotated[
        str, Field(max_length=100, description="Sort keys; `-` for descending: `priority,-created`.", examples=["-created"])
    ] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE, description="Rows per page.")] = DEFAULT_PAGE_SIZE
    cursor: Annotated[str | None, Field(max_length=1000, description="From the Link header of the page before.")] = None


class TaskQuery(PageQuery):
    """Which tasks."""

    status: Annotated[Literal["all", "pending", "in_progress", "completed"], Field(description="`all` is the default.")] = "all"
    completed: bool | None = None
    list_id: Annotated[Reference, Field(description="A list's id; `null`: in no list.")] = None
    tag_id: Annotated[Id | None, Field(description="Tasks that bear this tag.")] = None
    parent_id: Annotated[Reference, Field(description="A task's id; `null`: no subtasks.")] = None
    priority: Priority | None = None
    search: Annotated[
        SearchText | None,
        Field(
            max_length=1000,
            description='Words in title or description, by their beginnings; `"a phrase"`, `-without`, `this OR that`. '
            "Best first, unless `sort` says otherwise.",
        ),
    ] = None
    filter: Annotated[
        str | None,
        Field(
            max_length=10_000,
            description='A filter tree as JSON: `{"or": [{"priority": {"in": ["high"]}}, {"title": {"contains": "milk"}}]}`.',
        ),
    ] = None
