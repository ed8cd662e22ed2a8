"""Compiled operations: complexity, root fields and readers of an operation, which depend on document and variables only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql_schema.cost.complexity import Complexity
from graphql_schema.documents.bind_parameters import BoundValues
from services.json_types import JsonValue
from services.unit_of_work import ReadTransaction

# Reads the result of a root field; receives the values of those bindable arguments that the client sent.
Reader = Callable[[ReadTransaction, BoundValues], JsonValue]


@dataclass(frozen=True, slots=True)
class CompiledRootField:
    """A root field with its response key and its reader.

    The values of its bindable arguments are literals, or come from variables: `literal_values` holds (argument, value) pairs,
    `variable_names` (argument, variable) pairs.
    """

    key: str
    reader: Reader
    literal_values: tuple[tuple[str, str | None], ...]
    variable_names: tuple[tuple[str, str], ...]

    def read(self, transaction: ReadTransaction, variables: Mapping[str, Any]) -> JsonValue:
        """Return the result of the field."""
        values = dict(self.literal_values)
        values.update((argument, variables[name]) for argument, name in self.variable_names)
        return self.reader(transaction, values)


class OperationKey(NamedTuple):
    """Cache key of an operation. `variables` are serialized as JSON, without the values of the bind variables."""

    query: str
    operation_name: str | None
    variables: bytes
    bind_variables: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOperation:
    """An operation with its variables, but without the values of its bind variables.

    A mutation has `root_fields`, each of which runs one transaction, and no key, because it is not cached. The result of an
    introspection, which reads the schema and nothing else, depends on the operation only. A query that was
    executed once without errors has `root_readers`, which read all root fields in order, so it can be replayed. Instances are
    immutable: the cache replaces an operation without readers by one with readers.
    """

    complexity: Complexity
    size: int
    key: OperationKey | None = None
    root_fields: tuple[str, ...] = ()
    is_introspection: bool = False
    root_readers: tuple[CompiledRootField, ...] | None = None

    @property
    def bind_variables(self) -> frozenset[str]:
        """Return the variables whose values are bound for each execution."""
        return self.key.bind_variables if self.key else frozenset()
