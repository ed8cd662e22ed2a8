"""The executor: a resolver may answer a plan instead of a value. That gets its field's selection, and answers a finished tree.

graphql-core would complete such a tree field by field, at about 4 µs a leaf; the tree holds exactly the selected fields, under
their response keys and JSON-ready, so it passes untouched. The overridden method is private to graphql-core: see pyproject.toml.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import GraphQLNamedType, GraphQLObjectType, GraphQLOutputType, VariableNode, get_named_type
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from graphql.type import GraphQLResolveInfo
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_schema.late import LATE, Late
from services.transactions import Snapshot

# What reads a root field's tree. It gets the field's late arguments, as far as they were given.
Reading = Callable[[Snapshot, Late], Any]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A root field ready to be read: late arguments are `settled`, or `awaited` from the variables named here."""

    reading: Reading
    settled: Late
    awaited: Mapping[str, str]

    def read(self, snapshot: Snapshot, variables: Mapping[str, Any]) -> Any:
        """Return the tree."""
        return self.reading(snapshot, {**self.settled, **{name: variables[source] for name, source in self.awaited.items()}})


class SelectedField:
    """A field under its response key, as the operation selects it. What is below it is collected by graphql-core itself."""

    def __init__(self, key: str, parent: GraphQLObjectType, executor: "PlanningExecutor", details: list[FieldDetails]) -> None:
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

    def members(self, object_type: GraphQLObjectType | None = None) -> "list[SelectedField]":
        """Return what is selected below, in order; of an interface, as the object type that it turned out to be."""
        parent = object_type or self.type
        assert isinstance(parent, GraphQLObjectType)  # noqa: S101
        collected = self._executor.collect_subfields(parent, self._details).grouped_field_set
        return [SelectedField(key, parent, self._executor, details) for key, details in collected.items()]

    def object_type(self, name: str) -> GraphQLObjectType:
        """Return an object type of the schema by its name."""
        found = self._executor.schema.type_map[name]
        assert isinstance(found, GraphQLObjectType)  # noqa: S101
        return found

    def read(self, select: Callable[["SelectedField"], Reading]) -> Any:
        """Return the tree of this root field.

        The document and the variables alone decide how it is read, so that is found once for both, and remembered with them.
        """
        context = self._executor.context_value
        snapshot = context.snapshot  # before all: for strangers, no selection is made, and none remembered
        selections: dict[str, Rehearsed] = context.rehearsal.selections
        if self.key not in selections:
            awaited = self._awaited(context.rehearsal.late)
            settled = {name: value for name, value in self.arguments.items() if name in LATE - awaited.keys()}
            selections[self.key] = Rehearsed(select(self), settled, awaited)
        return selections[self.key].read(snapshot, self._executor.variable_values.coerced)

    def _awaited(self, late: frozenset[str]) -> dict[str, str]:
        """Return the arguments that late variables are given to, with these."""
        given = {argument.name.value: argument.value for argument in self._details[0].node.arguments or ()}
        named = {name: value.name.value for name, value in given.items() if isinstance(value, VariableNode)}
        return {name: variable for name, variable in named.items() if variable in late}


@dataclass(frozen=True, slots=True)
class Read:
    """What a resolver of the Query type answers: how its selection is read. The reading answers the finished tree."""

    select: Callable[[SelectedField], Reading]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a resolver of a mutation answers to see its selection; `run` answers the finished tree."""

    run: Callable[[SelectedField], Any]


def reads(select: Callable[[SelectedField], Reading]) -> Any:
    """Answer how to read, from a resolver that declares the type of the finished tree."""
    return Read(select)


def planned(run: Callable[[SelectedField], Any]) -> Any:
    """Answer a plan, from a resolver that declares the type of the finished tree."""
    return Planned(run)


def from_finished_tree(root: Any, info: Any) -> Any:
    """Resolve a field of a tree that is finished already: it stands under its response key."""
    return root[info.path.key]


class PlanningExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs plans, and completes everything else as usual."""

    def complete_value(  # noqa: PLR0913, PLR0917 - the signature is graphql-core's
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Let a plan answer for its field."""
        if isinstance(result, Read | Planned):
            field = SelectedField(str(path.key), info.parent_type, self, field_details_list)
            return result.run(field) if isinstance(result, Planned) else field.read(result.select)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)
