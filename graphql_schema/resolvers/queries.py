"""Query resolvers. Each root field passes its selection to the query engine; all share the operation's read transaction."""

import strawberry
from strawberry import UNSET

from graphql_schema.documents.bind_parameters import BoundValues
from graphql_schema.documents.compiled_operation import Reader
from graphql_schema.lookahead import LookaheadRead, SelectedField
from graphql_schema.resolvers.credentials import credentials_reader
from graphql_schema.selection import connection_query, row_selection
from graphql_schema.types.arguments import ListId, NodeId, TagId, TaskId
from graphql_schema.types.objects import (
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
from models.schemas.field_types import canonical_id
from models.scopes import Scope
from services.auth import api_tokens, sessions
from services.errors import InvalidInput, NotFound
from services.json_types import JsonObject
from services.query_engine.entity_registry import ACCOUNT, NODE_ENTITIES, TAG, TASK, TASK_LIST
from services.query_engine.entity_types import Entity
from services.query_engine.execution.node_lookup import find_entity_by_id
from services.unit_of_work import ReadTransaction

# Inside Query, `list` is a field and hides the built-in type.
Sessions = list[Session]
ApiTokens = list[ApiToken]


def parse_id(text: str, pointer: str = "/id") -> str:
    """Return an id in the form in which it is stored. Raises InvalidInput if it is not a UUID."""
    try:
        return canonical_id(text)
    except ValueError as error:
        raise InvalidInput.at_pointer(pointer, str(error)) from None


def _bound_id(values: BoundValues) -> str:
    return parse_id(values["id"] or "")


def _single(entity: Entity) -> LookaheadRead:
    def select(field: SelectedField) -> Reader:
        selection = row_selection(field, entity)

        def read(transaction: ReadTransaction, values: BoundValues) -> JsonObject:
            row = transaction.read(selection.for_ids(entity.name, _bound_id(values)))
            if row is None:
                raise NotFound.for_resource(entity.display_name)
            return row

        return read

    return LookaheadRead(select)


def _connection(entity: Entity) -> LookaheadRead:
    def select(field: SelectedField) -> Reader:
        node = connection_query(field, entity)
        return lambda transaction, values: transaction.read(node.with_cursors(values))

    return LookaheadRead(select)


def _viewer(field: SelectedField) -> Reader:
    selection = row_selection(field, ACCOUNT)
    return lambda transaction, _: transaction.read(selection.for_ids(ACCOUNT.name, transaction.user_id))


def _node(field: SelectedField) -> Reader:
    selections = {entity.name: row_selection(field, entity) for entity in NODE_ENTITIES}

    def read(transaction: ReadTransaction, values: BoundValues) -> JsonObject | None:
        row_id = _bound_id(values)
        transaction.authorization.require_scope(Scope.TASKS_READ)
        entity = find_entity_by_id(transaction.connection, transaction.user_id, row_id)
        return None if entity is None else transaction.read(selections[entity.name].for_ids(entity.name, row_id))

    return read


@strawberry.type(description="Root type of queries. All fields of an operation read the same consistent snapshot.")
class Query:
    """Queries. A resolver returns a LookaheadRead; `graphql_type` is the type of the result that it reads."""

    @strawberry.field(description="The authenticated user.", graphql_type=Viewer)
    def viewer(self) -> LookaheadRead:
        return LookaheadRead(_viewer)

    @strawberry.field(description="Login sessions, most recently used first.", graphql_type=Sessions)
    def sessions(self) -> LookaheadRead:
        return LookaheadRead(lambda field: credentials_reader(field, sessions.list_sessions))

    @strawberry.field(description="API tokens, most recently used first.", graphql_type=ApiTokens)
    def api_tokens(self) -> LookaheadRead:
        return LookaheadRead(lambda field: credentials_reader(field, api_tokens.list_api_tokens))

    @strawberry.field(description="Fetch any object by id; null if not found.", graphql_type=Node | None)
    def node(self, id: NodeId) -> LookaheadRead:
        return LookaheadRead(_node)

    @strawberry.field(description="Fetch a task by id.", graphql_type=Task | None)
    def task(self, id: TaskId) -> LookaheadRead:
        return _single(TASK)

    @strawberry.field(description="Fetch a list by id.", graphql_type=TaskList | None)
    def list(self, id: ListId) -> LookaheadRead:
        return _single(TASK_LIST)

    @strawberry.field(description="Fetch a tag by id.", graphql_type=Tag | None)
    def tag(self, id: TagId) -> LookaheadRead:
        return _single(TAG)

    @strawberry.field(description="Tasks, newest first by default.", graphql_type=TaskConnection)
    def tasks(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Filter = UNSET,
        search: Search = UNSET,
        order_by: OrderBy = UNSET,
    ) -> LookaheadRead:
        return _connection(TASK)

    @strawberry.field(description="Lists, ordered by position.", graphql_type=TaskListConnection)
    def lists(self, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET) -> LookaheadRead:
        return _connection(TASK_LIST)

    @strawberry.field(description="Tags, ordered by name.", graphql_type=TagConnection)
    def tags(self, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET) -> LookaheadRead:
        return _connection(TAG)
