"""How large arguments are, by what they are made of: the members of their objects and lists, however deep."""

from collections.abc import Mapping
from typing import Any

from graphql import FieldNode, ListValueNode, ObjectValueNode, ValueNode, VariableNode


class Sizes:
    """The sizes of the arguments of one operation. Each variable is looked through once, however often it is used."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._known: dict[str, int] = {}

    def of_arguments(self, node: FieldNode) -> int:
        """Return the size of all arguments of a field together."""
        return sum(self.of_value(argument.value) for argument in node.arguments or ())

    def of_value(self, node: ValueNode) -> int:
        """Return the size of one argument."""
        match node:
            case VariableNode(name=name):
                return self._of_variable(name.value)
            case ListValueNode(values=values):
                return sum(1 + self.of_value(value) for value in values)
            case ObjectValueNode(fields=fields):
                return sum(1 + self.of_value(field.value) for field in fields)
            case _:
                return 0

    def _of_variable(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = _size(self._variables.get(name))
        return self._known[name]


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(1 + _size(member) for member in value) if isinstance(value, list) else 0
