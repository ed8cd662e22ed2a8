"""Operation cache: parsed documents and compiled operations.

Its contents depend on the schema, the documents and the variables only, never on a user's data. The values of bind variables
(ids and cursors) are not cached.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import orjson
from cachetools import LRUCache
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

from graphql_schema.cost.analyzer import CostAnalyzer
from graphql_schema.cost.argument_values import ArgumentValues
from graphql_schema.cost.complexity import Complexity
from graphql_schema.cost.root_fields import is_introspection, root_field_names
from graphql_schema.documents.bind_parameters import bindable_variables
from graphql_schema.documents.compiled_operation import CompiledOperation, OperationKey
from graphql_schema.documents.request import GraphQLRequest
from graphql_schema.documents.validation import MAX_ERRORS, DocumentValidator
from services.errors import InvalidInput

MAX_DOCUMENT_CHARACTERS = 100_000
MAX_TOKENS = 5_000  # lexical tokens; the standard introspection query has about 200
# Cost of parsing and validating, for each token above the free ones: graphql-core parses and validates a token in about 20 µs.
FREE_TOKENS = 500
TOKEN_COST = 200
# Limit of each of the two caches. A syntax tree takes about fifty times the memory of its document.
MAX_OPERATION_CACHE_CHARACTERS = 600_000
_MIN_ENTRY_SIZE = 1_500  # characters; the smallest size at which an entry is counted
_NESTED_TOO_DEEPLY = "The document is nested too deeply."
_CHARACTERS_PER_FILTER_MEMBER = 4  # memory of a reader for each member of a filter


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A parsed document. If it cannot be parsed, `document` is None and `errors` has the reason; such a document is validated."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    size: int
    is_validated: bool = True
    bindable_variables: Mapping[str | None, frozenset[str]] = field(default_factory=dict)

    @property
    def validation_cost(self) -> int:
        """Return the cost of parsing and validating the document; small documents cost nothing."""
        tokens = self.document.token_count if self.document and not self.is_validated else 0
        return max(0, tokens - FREE_TOKENS) * TOKEN_COST


class OperationCache:
    """Cache of parsed documents and of compiled operations, each of limited size. Thread-safe."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool = True) -> None:
        self._schema = schema
        self._validator = DocumentValidator(schema, introspection=introspection)
        self.documents: LRUCache[str, ParsedDocument] = LRUCache(
            MAX_OPERATION_CACHE_CHARACTERS, getsizeof=lambda parsed: parsed.size
        )
        self.operations: LRUCache[OperationKey, CompiledOperation] = LRUCache(
            MAX_OPERATION_CACHE_CHARACTERS, getsizeof=lambda operation: operation.size
        )
        self._documents_lock = Lock()
        self._operations_lock = Lock()

    def document(self, query: str) -> ParsedDocument:
        """Return the parsed and validated document, from the cache if possible."""
        return self.validate(query, self.parse(query))

    def parse(self, query: str) -> ParsedDocument:
        """Return the validated document from the cache, or else parse it."""
        if len(query) > MAX_DOCUMENT_CHARACTERS:
            return _invalid_document(GraphQLError(f"The document is longer than {MAX_DOCUMENT_CHARACTERS} characters."), 0)
        with self._documents_lock:
            parsed = self.documents.get(query)
        return _parse(query) if parsed is None else parsed

    def validate(self, query: str, parsed: ParsedDocument) -> ParsedDocument:
        """Return the parsed document with its validation errors, and cache it."""
        if parsed.document is None or parsed.is_validated:
            return parsed
        validated = self._validate(parsed.document, parsed.size)
        with self._documents_lock:
            self.documents[query] = validated
        return validated

    def prepare(self, request: GraphQLRequest) -> CompiledOperation:
        """Return the compiled operation of the request, from the cache if possible. Raises InvalidInput.

        Mutations are not cached: their variables rarely repeat, and may contain a password.
        """
        operation = self._find_operation(request)
        variables = request.variables or {}
        if operation is None or operation.operation is not OperationType.QUERY:
            return self._analyze(_operation_key(request, variables, frozenset()))
        bindable = self.document(request.query).bindable_variables
        names = bindable.get(operation.name.value if operation.name else None, frozenset())
        bound = frozenset(name for name in names if isinstance(variables.get(name), str))
        key = _operation_key(request, {name: value for name, value in variables.items() if name not in bound}, bound)
        with self._operations_lock:
            cached = self.operations.get(key)
        if cached is not None:
            return cached
        analyzed = replace(self._analyze(key), key=key)
        if analyzed.size > MAX_OPERATION_CACHE_CHARACTERS:
            return analyzed
        with self._operations_lock:  # setdefault: another thread may have compiled the operation since
            return self.operations.setdefault(key, analyzed)

    def store(self, operation: CompiledOperation) -> None:
        """Cache a query with its readers, in place of the entry with the same key."""
        if operation.key is None or operation.size > MAX_OPERATION_CACHE_CHARACTERS:
            return
        with self._operations_lock:
            self.operations[operation.key] = operation

    def operation_type(self, request: GraphQLRequest) -> OperationType | None:
        """Return the type of the operation that the request would execute, or None if the request does not determine one."""
        operation = self._find_operation(request)
        return operation.operation if operation else None

    def _find_operation(self, request: GraphQLRequest) -> OperationDefinitionNode | None:
        document = self.document(request.query).document
        return get_operation_ast(document, request.operation_name) if document else None

    def _validate(self, document: DocumentNode, size: int) -> ParsedDocument:
        try:
            violations = self._validator.validate(document)
            bindable = {} if violations else bindable_variables(document)
        except RecursionError:
            return _invalid_document(GraphQLError(_NESTED_TOO_DEEPLY), size)
        return ParsedDocument(document, violations, size, bindable_variables=bindable)

    def _analyze(self, key: OperationKey) -> CompiledOperation:
        """Return the operation with its complexity; empty if operation or variables are invalid, which the execution reports."""
        document = self.document(key.query).document
        operation = get_operation_ast(document, key.operation_name) if document else None
        size = len(key.query) + len(key.variables) + _MIN_ENTRY_SIZE
        if document is None or operation is None:
            return CompiledOperation(complexity=Complexity(), size=size)
        inputs = {**orjson.loads(key.variables), **dict.fromkeys(key.bind_variables, "")}
        variables = get_variable_values(
            self._schema, operation.variable_definitions or (), inputs, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        if not isinstance(variables, VariableValues):
            return CompiledOperation(complexity=Complexity(), size=size)
        arguments, fragments = ArgumentValues(variables.coerced), _fragments(document)
        complexity = CostAnalyzer(self._schema, fragments, arguments).analyze(operation)
        names = root_field_names(operation, fragments, arguments)
        is_mutation = operation.operation is OperationType.MUTATION
        return CompiledOperation(
            complexity=complexity,
            size=size + _CHARACTERS_PER_FILTER_MEMBER * complexity.filter_members,
            root_fields=tuple(name for name in names if not name.startswith("__")) if is_mutation else (),
            is_introspection=not is_mutation and is_introspection(names),
        )


def _operation_key(request: GraphQLRequest, variables: Mapping[str, Any], bind_variables: frozenset[str]) -> OperationKey:
    try:
        serialized = orjson.dumps(variables)
    except orjson.JSONEncodeError:
        raise InvalidInput.at_pointer("", "The variables are nested too deeply.") from None
    return OperationKey(request.query, request.operation_name, serialized, bind_variables)


def _parse(query: str) -> ParsedDocument:
    size = len(query) + _MIN_ENTRY_SIZE
    try:
        document = _unlink_tokens(parse(query, max_lexical_tokens=MAX_TOKENS))
    except GraphQLError as error:
        return _invalid_document(error, size)
    except RecursionError:
        return _invalid_document(GraphQLError(_NESTED_TOO_DEEPLY), size)
    return ParsedDocument(document, (), size, is_validated=False)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def _unlink_tokens(document: DocumentNode) -> DocumentNode:
    """Return the document with its tokens unlinked.

    They form a doubly linked list, whose reference cycles would keep an evicted document in memory until a full collection.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        next_token = token.next
        token.prev = token.next = None
        token = next_token
    return document


def _invalid_document(error: GraphQLError, size: int) -> ParsedDocument:
    """Return a parsed document with an error only; its traceback is dropped, because it refers to stack frames."""
    return ParsedDocument(None, (error.with_traceback(None),), size)
