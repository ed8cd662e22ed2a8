"""Reading: every root field hands its selection to the read engine, all in the operation's one snapshot."""

from typing import Any

import strawberry
from strawberry import UNSET

from graphql_schema.execution import Reading, SelectedField, reads
from graphql_schema.late import Late
from graphql_schema.leases import reading_of
from graphql_schema.selection import page_of, view_of
from graphql_schema.types import (
    After,
    ApiToken,
    Before,
    Filter,
    First,
    Last,
    Node,
    OrderBy,
    Search,
    Session,
    Tag,
    TagConnection,
    Task,
    TaskConnection,
    TaskList,
    TaskListConnection,
    Viewer,
)
from models.scopes import Scope
from models.text import canonical_id
from services import api_tokens, sessions
from services.errors import InvalidInput, NotFound
from services.reading.entity_registry import ACCOUNT, NODE_ENTITIES, TAG, TASK, TASK_LIST
from services.reading.entity_types import Entity
from services.reading.nodes import entity_of
from services.reading.pages import DEFAULT_PAGE
from services.reading.selection import Level
from services.transactions import Snapshot

# Inside Query, `list` is a field.
Sessions = list[Session]
ApiTokens = list[ApiToken]


def checked_id(text: str, pointer: str = "/id") -> str:
    """Return an id as it is stored. Raises InvalidInput."""
    try:
        return canonical_id(text)
    except ValueError as error:
        raise InvalidInput.at(pointer, str(error)) from None


def _id_in(late: Late) -> str:
    return checked_id(late["id"] or "")


def _cursor_in(late: Late, level: Level) -> str | None:
    return late.get(level.window.argument) if level.window else None


def _one(entity: Entity) -> Any:
    def select(field: SelectedField) -> Reading:
        view = view_of(field, entity)

        def read(snapshot: Snapshot, late: Late) -> Any:
            tree = snapshot.read(view.of(entity.name, _id_in(late)))
            if tree is None:
                raise NotFound.of(entity.display_name)
            return tree

        return read

    return reads(select)


def _page(entity: Entity) -> Any:
    def select(field: SelectedField) -> Reading:
        level = page_of(field, entity)
        return lambda snapshot, late: snapshot.read(level.at(_cursor_in(late, level)))

    return reads(select)


def _viewer(field: SelectedField) -> Reading:
    view = view_of(field, ACCOUNT)
    return lambda snapshot, _: snapshot.read(view.of(ACCOUNT.name, snapshot.user_id))


def _node() -> Any:
    def select(field: SelectedField) -> Reading:
        views = {entity.name: view_of(field, entity) for entity in NODE_ENTITIES}

        def read(snapshot: Snapshot, late: Late) -> Any:
            row_id = _id_in(late)
            snapshot.grant.demand(Scope.TASKS_READ)
            entity = entity_of(snapshot.wire, snapshot.user_id, row_id)
            return None if entity is None else snapshot.read(views[entity.name].of(entity.name, row_id))

        return read

    return reads(select)


@strawberry.type(description="Reading. One operation sees one consistent state of your data.")
class Query:
    """The roots of reading."""

    @strawberry.field(description="You.")
    def viewer(self) -> Viewer:
        return reads(_viewer)

    @strawberry.field(description="Your sessions, the one used last first.")
    def sessions(self) -> Sessions:
        return reads(lambda field: reading_of(field, sessions.listed))

    @strawberry.field(description="Your API tokens, the one used last first.")
    def api_tokens(self) -> ApiTokens:
        return reads(lambda field: reading_of(field, api_tokens.listed))

    @strawberry.field(description="Anything by its id; null where there is nothing.")
    def node(self, id: strawberry.ID) -> Node | None:
        return _node()

    @strawberry.field(description="A task by its id.")
    def task(self, id: strawberry.ID) -> Task | None:
        return _one(TASK)

    @strawberry.field(description="A list by its id.")
    def list(self, id: strawberry.ID) -> TaskList | None:
        return _one(TASK_LIST)

    @strawberry.field(description="A tag by its id.")
    def tag(self, id: strawberry.ID) -> Tag | None:
        return _one(TAG)

    @strawberry.field(description="Your tasks, a page at a time.")
    def tasks(
        self,
        first: First = DEFAULT_PAGE,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Filter = UNSET,
        search: Search = UNSET,
        order_by: OrderBy = UNSET,
    ) -> TaskConnection:
        return _page(TASK)

    @strawberry.field(description="Your lists by position, a page at a time.")
    def lists(self, first: First = DEFAULT_PAGE, after: After = UNSET) -> TaskListConnection:
        return _page(TASK_LIST)

    @strawberry.field(description="Your tags by name, a page at a time.")
    def tags(self, first: First = DEFAULT_PAGE, after: After = UNSET) -> TagConnection:
        return _page(TAG)
