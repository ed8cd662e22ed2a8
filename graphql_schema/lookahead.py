"""Lookahead execution: a resolver may return a plan of work instead of a value, which then gets the field's selection.

Such work returns a JSON object with exactly the selected fields, under their response keys. graphql-core would complete it field
by field, at about 4 µs a leaf; it passes untouched instead. The overridden method is private to graphql-core: see pyproject.toml.
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
from services.json_types import JsonObject, JsonValue


class SelectedField:
    """A field under its response key, as the operation selects it. graphql-core itself collects the fields below it."""

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
        """Return the field's type, without lists and exclamation marks; of `__typename`, the parent."""
        return get_named_type(self._definition.type) if self._definition else self.parent

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Return the coerced arguments."""
        if self._definition is None or not self._definition.args:
            return {}
        first = self._details[0]
        return get_argument_values(self._definition, first.node, self._executor.variable_values, first.fragment_variable_values)

    def children(self, object_type: GraphQLObjectType | None = None) -> "list[SelectedField]":
        """Return the fields selected below, in order; of an interface, those of the given object type."""
        parent = object_type or self.type
        assert isinstance(parent, GraphQLObjectType)  # noqa: S101
        collected = self._executor.collect_subfields(parent, self._details).grouped_field_set
        return [SelectedField(key, parent, self._executor, details) for key, details in collected.items()]

    def object_type(self, name: str) -> GraphQLObjectType:
        """Return an object type of the schema by its name."""
        found = self._executor.schema.type_map[name]
        assert isinstance(found, GraphQLObjectType)  # noqa: S101
        return found

    def execute_read(self, select: Callable[["SelectedField"], Reader]) -> JsonValue:
        """Return the result of this root field, and leave its reader in the context, from where the operation is compiled."""
        context: GraphQLContext = self._executor.context_value
        snapshot = context.read_transaction  # first: no reader is made for anonymous clients
        variable_names = self._bind_variables(context.bind_variables)
        bound = {argument for argument, _ in variable_names}
        literals = tuple((name, value) for name, value in self.arguments.items() if name in BINDABLE_ARGUMENTS - bound)
        field = CompiledRootField(self.key, select(self), literals, variable_names)
        context.root_readers.append(field)
        return field.read(snapshot, self._executor.variable_values.coerced)

    def _bind_variables(self, bind_variables: frozenset[str]) -> tuple[tuple[str, str], ...]:
        """Return the arguments whose values are bind variables, each with its variable."""
        values = {argument.name.value: argument.value for argument in self._details[0].node.arguments or ()}
        variables = {name: value.name.value for name, value in values.items() if isinstance(value, VariableNode)}
        return tuple((name, variable) for name, variable in variables.items() if variable in bind_variables)


@dataclass(frozen=True, slots=True)
class LookaheadRead:
    """What a resolver of the Query type returns: a function from the field's selection to the reader of its result.

    The document and the variables alone decide the reader, so it serves for later executions too.
    """

    select: Callable[[SelectedField], Reader]


@dataclass(frozen=True, slots=True)
class LookaheadWrite:
    """What a resolver of a mutation returns to get the field's selection; `run` returns the result."""

    run: Callable[[SelectedField], JsonValue]


def resolve_from_result(root: JsonObject, info: strawberry.Info) -> JsonValue:
    """Resolve a field of an object that is complete already: its value stands under the response key."""
    return root[str(info.path.key)]


class LookaheadExecutionContext(StrawberryGraphQLCoreExecutionContext):
    """Runs the lookahead reads and writes that resolvers return, and completes all other values as usual."""

    def complete_value(  # noqa: PLR0913, PLR0917 - the signature is graphql-core's
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Return the result of a lookahead read or write as it is."""
        if isinstance(result, LookaheadRead | LookaheadWrite):
            field = SelectedField(str(path.key), info.parent_type, self, field_details_list)
            return result.run(field) if isinstance(result, LookaheadWrite) else field.execute_read(result.select)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)
