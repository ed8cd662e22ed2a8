"""Which fields an operation will run at its root, as often as it will."""

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from graphql_schema.cost.argument_values import ArgumentValues

Fragments = Mapping[str, FragmentDefinitionNode]


def root_field_names(operation: OperationDefinitionNode, fragments: Fragments, given: ArgumentValues) -> tuple[str, ...]:
    """Return the names of the fields, without those that concern the schema."""
    roots = _RootFieldCollector(fragments, given)
    roots.collect(operation.selection_set)
    return tuple(name for name in roots.found.values() if not name.startswith("__"))


class _RootFieldCollector:
    def __init__(self, fragments: Fragments, given: ArgumentValues) -> None:
        self._fragments = fragments
        self._given = given
        self._spread: set[str] = set()
        self.found: dict[str, str] = {}

    def collect(self, selections: SelectionSetNode) -> None:
        """Put the selected fields under their response keys; what stands under the same key is one field."""
        for node in selections.selections:
            if not self._given.is_included(node):
                continue
            match node:
                case FieldNode(name=name, alias=alias):
                    self.found[(alias or name).value] = name.value
                case FragmentSpreadNode(name=name) if name.value not in self._spread:
                    self._spread.add(name.value)
                    self.collect(self._fragments[name.value].selection_set)
                case InlineFragmentNode():
                    self.collect(node.selection_set)
