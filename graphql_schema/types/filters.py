"""Filter inputs, generated from the entity registry. If several fields are set, all must match."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import strawberry

from graphql_schema.types.filter_operators import operators_for, optional_field
from models.base import Versioned
from services.query_engine.entity_registry import COMMENT, ENTITIES, TAG, TASK, TASK_LIST
from services.query_engine.entity_types import Entity, FilterSpec, Relation, ToOne

Input = TypeVar("Input")
InputField = tuple[str, Any, Any]  # attribute, annotation, declaration

# In GraphQL, the filter on the relation covers these columns.
_REST_ONLY = frozenset({("comment", "task_id")})
_SOME, _NONE, _EVERY = "At least one matches.", "None matches.", "All match (also if there are none)."


def filter_input(entity: Entity, description: str) -> Callable[[type[Input]], type[Input]]:
    """Return a decorator that turns a class into the filter input of an entity, with its filterable columns and its relations."""

    def declare(cls: type[Input]) -> type[Input]:
        fields = list(_fields(entity, cls.__name__))
        for name, _, declaration in fields:
            setattr(cls, name, declaration)
        cls.__annotations__ = {name: annotation for name, annotation, _ in fields}
        return strawberry.input(cls, description=description)

    return declare


def _fields(entity: Entity, input_name: str) -> Iterator[InputField]:
    """Yield the columns that all rows have, the logical operators, the entity's own columns, and its relations."""
    filters = {name: spec for name, spec in entity.filters.items() if (entity.name, name) not in _REST_ONLY}
    versioned = Versioned.model_fields.keys()
    yield from (_column_field(entity, name, spec) for name, spec in filters.items() if name in versioned)
    yield "and_", f"list[{input_name}] | None", optional_field("All of these filters match.", "and")
    yield "or_", f"list[{input_name}] | None", optional_field("At least one of these filters matches.", "or")
    yield "not_", f"{input_name} | None", optional_field("This filter does not match.", "not")
    yield from (_column_field(entity, name, spec) for name, spec in filters.items() if name not in versioned)
    yield from (_relation_field(entity, name, relation) for name, relation in entity.relations.items())


def _column_field(entity: Entity, name: str, spec: FilterSpec) -> InputField:
    return name, operators_for(spec) | None, optional_field(entity.columns[name].description)


def _relation_field(entity: Entity, name: str, relation: Relation) -> InputField:
    target = ENTITIES[relation.target].type_name
    if not isinstance(relation, ToOne):
        return name, f"{target}sFilter | None", optional_field(relation.description)
    is_optional = entity.columns[relation.column].is_nullable
    hint = " Rows without one do not match." if is_optional else ""
    return name, f"{target}Filter | None", optional_field(relation.description + hint)


@filter_input(TAG, description="Tag filter; all fields that are set must match.")
class TagFilter:
    """A filter on tags."""


@strawberry.input(description="Filter on the tags of a task.")
class TagsFilter:
    """Quantifiers over tags."""

    some: TagFilter | None = optional_field(_SOME)
    none: TagFilter | None = optional_field(_NONE)
    every: TagFilter | None = optional_field(_EVERY)


@filter_input(TASK_LIST, description="List filter; all fields that are set must match.")
class TaskListFilter:
    """A filter on lists."""


@filter_input(COMMENT, description="Comment filter; all fields that are set must match.")
class CommentFilter:
    """A filter on comments."""


@strawberry.input(description="Filter on the comments of a task.")
class CommentsFilter:
    """Quantifiers over comments."""

    some: CommentFilter | None = optional_field(_SOME)
    none: CommentFilter | None = optional_field(_NONE)
    every: CommentFilter | None = optional_field(_EVERY)


@filter_input(TASK, description="Task filter; all fields that are set must match.")
class TaskFilter:
    """A filter on tasks."""


@strawberry.input(description="Filter on related tasks.")
class TasksFilter:
    """Quantifiers over tasks."""

    some: TaskFilter | None = optional_field(_SOME)
    none: TaskFilter | None = optional_field(_NONE)
    every: TaskFilter | None = optional_field(_EVERY)
