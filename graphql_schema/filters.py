"""Which rows: filters on the fields and relations of each noun; members beside each other must all hold."""

import strawberry

from graphql_schema.operators import (
    BooleanFilter,
    DateTimeFilter,
    FloatFilter,
    IdFilter,
    IntFilter,
    OptionalDateTimeFilter,
    OptionalTextFilter,
    ReferenceFilter,
    TaskPriorityFilter,
    TaskStatusFilter,
    TextFilter,
    operand,
)

_AND, _OR, _NOT = "All of these hold.", "At least one of these holds.", "This does not hold."
_SOME, _NONE, _EVERY = "At least one is so.", "None is so.", "All are so; also where there are none."


@strawberry.input
class _Versioned:
    id: IdFilter | None = operand("The id.")
    created_at: DateTimeFilter | None = operand("When it was created.")
    updated_at: DateTimeFilter | None = operand("When it was last changed.")
    revision: IntFilter | None = operand("Your revision that last touched it.")


@strawberry.input(description="Which tags; members beside each other must all hold.")
class TagFilter(_Versioned):
    """A filter on tags."""

    and_: list["TagFilter"] | None = operand(_AND, "and")
    or_: list["TagFilter"] | None = operand(_OR, "or")
    not_: "TagFilter | None" = operand(_NOT, "not")
    name: TextFilter | None = operand("The name.")
    color: OptionalTextFilter | None = operand("The color.")
    tasks: "TasksFilter | None" = operand("The tasks that bear it.")


@strawberry.input(description="How tags stand to a task.")
class TagsFilter:
    """Quantifiers over tags."""

    some: TagFilter | None = operand(_SOME)
    none: TagFilter | None = operand(_NONE)
    every: TagFilter | None = operand(_EVERY)


@strawberry.input(description="Which lists; members beside each other must all hold.")
class TaskListFilter(_Versioned):
    """A filter on lists."""

    and_: list["TaskListFilter"] | None = operand(_AND, "and")
    or_: list["TaskListFilter"] | None = operand(_OR, "or")
    not_: "TaskListFilter | None" = operand(_NOT, "not")
    name: TextFilter | None = operand("The name.")
    color: OptionalTextFilter | None = operand("The color.")
    position: FloatFilter | None = operand("Its place among lists.")
    tasks: "TasksFilter | None" = operand("The tasks in it.")


@strawberry.input(description="Which comments; members beside each other must all hold.")
class CommentFilter(_Versioned):
    """A filter on comments."""

    and_: list["CommentFilter"] | None = operand(_AND, "and")
    or_: list["CommentFilter"] | None = operand(_OR, "or")
    not_: "CommentFilter | None" = operand(_NOT, "not")
    body: TextFilter | None = operand("What it says.")
    task: "TaskFilter | None" = operand("What it is on.")


@strawberry.input(description="How comments stand to a task.")
class CommentsFilter:
    """Quantifiers over comments."""

    some: CommentFilter | None = operand(_SOME)
    none: CommentFilter | None = operand(_NONE)
    every: CommentFilter | None = operand(_EVERY)


@strawberry.input(description="Which tasks; members beside each other must all hold.")
class TaskFilter(_Versioned):
    """A filter on tasks."""

    and_: list["TaskFilter"] | None = operand(_AND, "and")
    or_: list["TaskFilter"] | None = operand(_OR, "or")
    not_: "TaskFilter | None" = operand(_NOT, "not")
    title: TextFilter | None = operand("The title.")
    description: OptionalTextFilter | None = operand("The description.")
    status: TaskStatusFilter | None = operand("The status.")
    completed: BooleanFilter | None = operand("Whether it is completed.")
    priority: TaskPriorityFilter | None = operand("The priority.")
    position: FloatFilter | None = operand("Its place among siblings.")
    list_id: ReferenceFilter | None = operand("The id of the list it is in.")
    parent_id: ReferenceFilter | None = operand("The id of the task it is a subtask of.")
    completed_at: OptionalDateTimeFilter | None = operand("When it was completed.")
    list: TaskListFilter | None = operand("The list it is in; a task in no list fulfils nothing here.")
    parent: "TaskFilter | None" = operand("The task it is a subtask of; a task that is none fulfils nothing here.")
    tags: TagsFilter | None = operand("Its tags.")
    subtasks: "TasksFilter | None" = operand("Its subtasks.")
    comments: CommentsFilter | None = operand("The comments on it.")


@strawberry.input(description="How several tasks stand to something.")
class TasksFilter:
    """Quantifiers over tasks."""

    some: TaskFilter | None = operand(_SOME)
    none: TaskFilter | None = operand(_NONE)
    every: TaskFilter | None = operand(_EVERY)
