"""What is remembered of operations: documents parsed and validated, and what each will be with certain variables.

All of it is pure: it depends on the schema, the document and the variables, and on nobody's data. Variables that only say which
row it is or where a page begins come late, and are not remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import orjson
from cachetools import LRUCache, cached
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    get_variable_values,
    parse,
)
from graphql.execution.values import VariableValues

from graphql_schema.given import Given
from graphql_schema.late import late_variables
from graphql_schema.measures import Measure
from graphql_schema.meter import Meter
from graphql_schema.roots import roots_of
from graphql_schema.rules import Rulebook
from services.errors import InvalidInput

MAX_DOCUMENT = 100_000  # characters
MAX_TOKENS = 5_000  # names, numbers, texts and signs; the usual introspection query has some 200
# Bounded by text; a syntax tree takes some fifty times the room of its document, and even the shortest a little.
REMEMBERED = 600_000  # characters
_LEAST = 1_500  # characters that anything counts for
_PER_MEMBER = 4  # characters, for what a selection keeps of each member of a filter


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, parsed and validated; without a document there are only errors."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    size: int
    late: Mapping[str | None, frozenset[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Rehearsal:
    """What an operation with these variables will be: what it amounts to, and its selections as they become known.

    Of a mutation, `roots` are the fields that it runs, one transaction each. Of a query, `late` are the variables that are
    brought for each reading.

    Once a query has gone well, its selections are known to be all there is to it: then it `is_known`, and reading is enough.
    """

    measure: Measure
    size: int
    roots: tuple[str, ...] = ()
    late: frozenset[str] = frozenset()
    selections: dict[str, Any] = field(default_factory=dict)
    is_known: bool = False


class Repertoire:
    """Prepares and rehearses, and remembers both for a while."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool = True) -> None:
        self._schema = schema
        self._rulebook = Rulebook(schema, introspection=introspection)
        self.documents: LRUCache[Any, Prepared] = LRUCache(REMEMBERED, getsizeof=lambda prepared: prepared.size)
        self.rehearsals: LRUCache[Any, Rehearsal] = LRUCache(REMEMBERED, getsizeof=lambda rehearsal: rehearsal.size)
        self._prepared = cached(self.documents, lock=Lock())(self._prepare)
        self._rehearsed = cached(self.rehearsals, lock=Lock())(self._rehearse)

    def prepared(self, query: str) -> Prepared:
        """Return the document, or what is wrong with it."""
        if len(query) > MAX_DOCUMENT:
            return _flawed(GraphQLError(f"The document is longer than {MAX_DOCUMENT} characters."), 0)
        return self._prepared(query)

    def rehearsal(self, query: str, operation_name: str | None, variables: Mapping[str, Any] | None) -> Rehearsal:
        """Return what the operation will be. Raises InvalidInput.

        Mutations are not remembered: their variables hardly come twice, and may hold a password.
        """
        operation = self._operation(query, operation_name)
        if operation is None or operation.operation is not OperationType.QUERY:
            return self._rehearse(query, operation_name, _as_key(variables), frozenset())
        candidates = self.prepared(query).late.get(operation.name.value if operation.name else None, frozenset())
        late = frozenset(name for name in candidates if isinstance((variables or {}).get(name), str))
        early = {name: value for name, value in (variables or {}).items() if name not in late}
        return self._rehearsed(query, operation_name, _as_key(early), late)

    def operation_type(self, query: str, operation_name: str | None) -> OperationType | None:
        """Return what kind of operation would run, if that can be told."""
        operation = self._operation(query, operation_name)
        return operation.operation if operation else None

    def _operation(self, query: str, operation_name: str | None) -> OperationDefinitionNode | None:
        document = self.prepared(query).document
        return get_operation_ast(document, operation_name) if document else None

    def _prepare(self, query: str) -> Prepared:
        size = len(query) + _LEAST
        try:
            document = _unchained(parse(query, max_lexical_tokens=MAX_TOKENS))
            violations = self._rulebook.violations(document)
            return Prepared(document, violations, size, {} if violations else late_variables(document))
        except GraphQLError as error:
            return _flawed(error, size)
        except RecursionError:
            return _flawed(GraphQLError("The document is nested too deeply."), size)

    def _rehearse(self, query: str, operation_name: str | None, key: bytes, late: frozenset[str]) -> Rehearsal:
        """Where it cannot be told which operation it is or what its variables are, executing will say so; that costs nothing."""
        document = self.prepared(query).document
        operation = self._operation(query, operation_name)
        size = len(query) + len(key) + _LEAST
        if document is None or operation is None:
            return Rehearsal(Measure(), size)
        inputs = {**(orjson.loads(key) or {}), **dict.fromkeys(late, "")}
        variables = get_variable_values(self._schema, operation.variable_definitions or (), inputs)
        if not isinstance(variables, VariableValues):
            return Rehearsal(Measure(), size)
        given, fragments = Given(variables.coerced), _fragments(document)
        roots = roots_of(operation, fragments, given) if operation.operation is OperationType.MUTATION else ()
        measure = Meter(self._schema, fragments, given).measure(operation)
        return Rehearsal(measure, size + _PER_MEMBER * measure.members, roots, late)


def _as_key(variables: Mapping[str, Any] | None) -> bytes:
    try:
        return orjson.dumps(variables)
    except orjson.JSONEncodeError:
        raise InvalidInput.at("", "The variables are nested too deeply.") from None


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def _unchained(document: DocumentNode) -> DocumentNode:
    """Part the tokens from each other: linked both ways, they would keep a forgotten document until the next full collection."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following
    return document


def _flawed(error: GraphQLError, size: int) -> Prepared:
    """Return a document that is none. The error is kept without the frames that it was raised in."""
    return Prepared(None, (error.with_traceback(None),), size)
