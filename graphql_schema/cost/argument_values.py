"""Argument values of an operation with its variables, their sizes, and the effect of `@skip` and `@include`."""

from collections.abc import Mapping
from typing import Any

from graphql import FieldNode, ListValueNode, ObjectValueNode, SelectionNode, Undefined, ValueNode, VariableNode
from graphql.utilities import value_from_ast_untyped


class ArgumentValues:
    """Argument values of one operation."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = dict(variables)
        # The members of each variable are counted once, regardless of its number of uses.
        self._variable_sizes: dict[str, int] = {}

    def value(self, node: ValueNode) -> Any:
        """Return the value of an argument; None for an omitted variable."""
        value = value_from_ast_untyped(node, self._variables)
        return None if value is Undefined else value

    def arguments(self, node: FieldNode) -> dict[str, Any]:
        """Return the values of a field's arguments."""
        return {argument.name.value: self.value(argument.value) for argument in node.arguments or ()}

    def member_counts(self, node: FieldNode) -> dict[str, int]:
        """Return for each argument of a field the number of object fields and list items in its value, at all levels."""
        return {argument.name.value: self._size(argument.value) for argument in node.arguments or ()}

    def is_included(self, node: SelectionNode) -> bool:
        """Return whether the selection is executed, according to its `@skip` and `@include` directives."""
        return all(
            self.value(argument.value) is (directive.name.value == "include")
            for directive in node.directives or ()
            if directive.name.value in {"skip", "include"}
            for argument in directive.arguments or ()
        )

    def _size(self, node: ValueNode) -> int:
        match node:
            case VariableNode(name=name):
                return self._size_of_variable(name.value)
            case ListValueNode(values=values):
                return sum(1 + self._size(value) for value in values)
            case ObjectValueNode(fields=fields):
                return sum(1 + self._size(field.value) for field in fields)
            case _:
                return 0

    def _size_of_variable(self, name: str) -> int:
        if name not in self._variable_sizes:
            self._variable_sizes[name] = _count_members(self._variables.get(name))
        return self._variable_sizes[name]


def _count_members(value: object) -> int:
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(1 + _count_members(member) for member in value) if isinstance(value, list) else 0
