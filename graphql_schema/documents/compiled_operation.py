"""Compiled operations: what a document and its variables decide about an operation, before and without its data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql_schema.cost.complexity import Complexity
from graphql_schema.documents.bind_parameters import BoundValues
from services.json_types import JsonValue
from services.unit_of_work import ReadTransaction

# Reads the result of a root field. It gets the values of the field's bindable arguments, as far as they were sent.
Reader = Callable[[ReadTransaction, BoundValues], JsonValue]


@dataclass(frozen=True, slots=True)
class CompiledRootField:
    """A root field that is ready to be read, under its response key.

    Bindable arguments have `literal_values`, or the values of the variables in `variable_names`. Both are (argument, …) pairs.
    """

    key: str
    reader: Reader
    literal_values: tuple[tuple[str, str | None], ...]
    variable_names: tuple[tuple[str, str], ...]

    def read(self, snapshot: ReadTransaction, variables: Mapping[str, Any]) -> JsonValue:
        """Return the result of the field."""
        values = dict(self.literal_values)
        values.update((argument, variables[name]) for argument, name in self.variable_names)
        return self.reader(snapshot, values)


class OperationKey(NamedTuple):
    """What a cached operation is found by. `variables` are JSON, without the values of the bind variables."""

    query: str
    operation_name: str | None
    variables: bytes
    bind_variables: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOperation:
    """An operation with its variables, but without the values of its bind variables.

    Of a mutation, `root_fields` are the fields that it runs, one transaction each; it has no key, because it is not cached.
    Of a query that was executed once without errors, `root_readers` read all root fields, in order; then it can be replayed.
    Instances do not change: the cache replaces one without readers by one that has all of them.
    """

    complexity: Complexity
    size: int
    key: OperationKey | None = None
    root_fields: tuple[str, ...] = ()
    root_readers: tuple[CompiledRootField, ...] | None = None

    @property
    def bind_variables(self) -> frozenset[str]:
        """Return the variables whose values are bound for each execution."""
        return self.key.bind_variables if self.key else frozenset()
