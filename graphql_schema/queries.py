"""Reading: every root field hands its selection to the read engine, all in the operation's one snapshot."""

from typing import Any

import strawberry
from strawberry import UNSET

from graphql_schema.context import GraphContext, Info
from graphql_schema.execution import SelectedField, planned
from graphql_schema.selection import page_of, view_of
from graphql_schema.types import (
    PAGE,
    After,
    Before,
    Filter,
    First,
    Last,
    Node,
    OrderBy,
    Search,
    Tag,
    TagConnection,
    Task,
    TaskConnection,
    TaskList,
    TaskListConnection,
    Viewer,
)
from models.text import canonical_id
from services.errors import InvalidInput, NotFound
from services.reading.entities import Entity
from services.reading.graph import ACCOUNT, NODES, TAG, TASK, TASK_LIST
from services.reading.nodes import entity_of


def checked_id(text: str, pointer: str = "/id") -> str:
    """Return an id as it is stored. Raises InvalidInput."""
    try:
        return canonical_id(text)
    except ValueError as error:
        raise InvalidInput.at(pointer, str(error)) from None


def _one(context: GraphContext, entity: Entity, row_id: str) -> Any:
    row_id = checked_id(row_id)

    def run(field: SelectedField) -> Any:
        view = field.once(lambda field: view_of(field, entity))
        tree = context.snapshot.read(view.of(entity.name, row_id))
        if tree is None:
            raise NotFound.of(entity.noun)
        return tree

    return planned(run)


def _page(context: GraphContext, entity: Entity) -> Any:
    return planned(lambda field: context.snapshot.read(field.once(lambda field: page_of(field, entity))))


@strawberry.type(description="Reading. One operation sees one consistent state of your data.")
class Query:
    """The roots of reading."""

    @strawberry.field(description="You.")
    def viewer(self, info: Info) -> Viewer:
        context = info.context

        def run(field: SelectedField) -> Any:
            view = field.once(lambda field: view_of(field, ACCOUNT))
            return context.snapshot.read(view.of(ACCOUNT.name, context.caller.user_id))

        return planned(run)

    @strawberry.field(description="Anything by its id; null where there is nothing.")
    def node(self, info: Info, id: strawberry.ID) -> Node | None:
        context, row_id = info.context, checked_id(id)

        def run(field: SelectedField) -> Any:
            snapshot = context.snapshot
            entity = entity_of(snapshot.wire, snapshot.user_id, row_id)
            views = field.once(lambda field: {kind.name: view_of(field, kind) for kind in NODES})
            return None if entity is None else snapshot.read(views[entity.name].of(entity.name, row_id))

        return planned(run)

    @strawberry.field(description="A task by its id.")
    def task(self, info: Info, id: strawberry.ID) -> Task | None:
        return _one(info.context, TASK, id)

    @strawberry.field(description="A list by its id.")
    def list(self, info: Info, id: strawberry.ID) -> TaskList | None:
        return _one(info.context, TASK_LIST, id)

    @strawberry.field(description="A tag by its id.")
    def tag(self, info: Info, id: strawberry.ID) -> Tag | None:
        return _one(info.context, TAG, id)

    @strawberry.field(description="Your tasks, a page at a time.")
    def tasks(
        self,
        info: Info,
        first: First = PAGE,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Filter = UNSET,
        search: Search = UNSET,
        order_by: OrderBy = UNSET,
    ) -> TaskConnection:
        return _page(info.context, TASK)

    @strawberry.field(description="Your lists by position, a page at a time.")
    def lists(self, info: Info, first: First = PAGE, after: After = UNSET) -> TaskListConnection:
        return _page(info.context, TASK_LIST)

    @strawberry.field(description="Your tags by name, a page at a time.")
    def tags(self, info: Info, first: First = PAGE, after: After = UNSET) -> TagConnection:
        return _page(info.context, TAG)
