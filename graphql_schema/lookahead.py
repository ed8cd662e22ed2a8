"""Lookahead execution: resolvers that receive the selection of their field, and read or write with it.

Such a resolver returns a LookaheadRead or LookaheadWrite instead of a value. Its result is a JSON object with exactly the
selected fields, under their response keys. It is returned without the value completion of graphql-core, which takes about 4 µs
for each leaf. The overridden method is private to graphql-core: see pyproject.toml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLNamedType, GraphQLObjectType, GraphQLOutputType, VariableNode, get_named_type
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from graphql.type import GraphQLResolveInfo
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_schema.context import GraphQLContext
from graphql_schema.documents.bind_parameters import BINDABLE_ARGUMENTS
from graphql_schema.documents.compiled_operation import CompiledRootField, Reader
from services.database_errors import rerun_if_stale
from services.json_types import JsonObject, JsonValue


class SelectedField:
    """A selected field with its response key, arguments and subfields. graphql-core collects the subfields."""

    def __init__(
        self, key: str, parent: GraphQLObjectType, executor: "LookaheadExecutionContext", details: list[FieldDetails]
    ) -> None:
        self.key = key
        self.parent = parent
        self.name = details[0].node.name.value
        self._executor = executor
        self._details = details
        self._definition = parent.fields.get(self.name)

    @cached_property
    def type(self) -> GraphQLNamedType:
        """Return the named type of the field, without list and non-null wrappers; for `__typename`, the parent type."""
        return get_named_type(self._definition.type) if self._definition else self.parent

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Return the coerced argument values."""
        if self._definition is None or not self._definition.args:
            return {}
        first = self._details[0]
        return get_argument_values(self._definition, first.node, self._executor.variable_values, first.fragment_variable_values)

    def children(self, object_type: GraphQLObjectType | None = None) -> "list[SelectedField]":
        """Return the selected subfields in order; for an interface, those that apply to `object_type`."""
        parent = object_type or self.type
        assert isinstance(parent, GraphQLObjectType)  # noqa: S101
        collected = self._executor.collect_subfields(parent, self._details).grouped_field_set
        return [SelectedField(key, parent, self._executor, details) for key, details in collected.items()]

    def object_type(self, name: str) -> GraphQLObjectType:
        """Return an object type of the schema by name."""
        object_type = self._executor.schema.type_map[name]
        assert isinstance(object_type, GraphQLObjectType)  # noqa: S101
        return object_type

    def execute_read(self, select: Callable[["SelectedField"], Reader]) -> JsonValue:
        """Return the result of this root field, and add its reader to the context for the compiled operation."""
        context: GraphQLContext = self._executor.context_value
        transaction = context.read_transaction  # first, because it raises for anonymous clients
        variable_names = self._bind_variables(context.bind_variables)
        bound = {argument for argument, _ in variable_names}
        literals = tuple((name, value) for name, value in self.arguments.items() if name in BINDABLE_ARGUMENTS - bound)
        field = CompiledRootField(self.key, select(self), literals, variable_names)
        context.root_readers.append(field)
        return field.read(transaction, self._executor.variable_values.coerced)

    def _bind_variables(self, bind_variables: frozenset[str]) -> tuple[tuple[str, str], ...]:
        """Return (argument, variable) for each argument whose value is a bind variable."""
        values = {argument.name.value: argument.value for argument in self._details[0].node.arguments or ()}
        variables = {name: value.name.value for name, value in values.items() if isinstance(value, VariableNode)}
        return tuple((name, variable) for name, variable in variables.items() if variable in bind_variables)


@dataclass(frozen=True, slots=True)
class LookaheadRead:
    """A read that a resolver of the Query type returns: a function from the field's selection to the reader of its result.

    The reader depends on the document and the variables only, so later executions can reuse it.
    """

    select: Callable[[SelectedField], Reader]


@dataclass(frozen=True, slots=True)
class LookaheadWrite:
    """A write that a resolver of a mutation returns: `run` receives the field's selection and returns the result."""

    run: Callable[[SelectedField], JsonValue]


def resolve_from_result(root: JsonObject, info: strawberry.Info) -> JsonValue:
    """Return the value of a field from a complete result, where it has its response key."""
    return root[str(info.path.key)]


class LookaheadExecutionContext(StrawberryGraphQLCoreExecutionContext):
    """Execution context that runs lookahead reads and writes; graphql-core completes all other values."""

    def complete_value(  # noqa: PLR0913, PLR0917 - the signature is graphql-core's
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Return the result of a lookahead read or write without completing it."""
        if isinstance(result, LookaheadRead | LookaheadWrite):
            field = SelectedField(str(path.key), info.parent_type, self, field_details_list)
            return rerun_if_stale(result.run)(field) if isinstance(result, LookaheadWrite) else field.execute_read(result.select)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)
