"""Root fields that an operation executes."""

from collections.abc import Iterable, Mapping

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


def root_field_names(operation: OperationDefinitionNode, fragments: Fragments, arguments: ArgumentValues) -> tuple[str, ...]:
    """Return the names of the executed root fields, with meta fields such as `__typename`; repeated once for each alias."""
    collector = _RootFieldCollector(fragments, arguments)
    collector.collect(operation.selection_set)
    return tuple(collector.fields.values())


def is_introspection(root_fields: Iterable[str]) -> bool:
    """Return whether an operation reads the schema, and nothing else."""
    names = set(root_fields)
    return not names.isdisjoint({"__schema", "__type"}) and names <= {"__schema", "__type", "__typename"}


class _RootFieldCollector:
    def __init__(self, fragments: Fragments, arguments: ArgumentValues) -> None:
        self._fragments = fragments
        self._arguments = arguments
        self._visited_fragments: set[str] = set()
        self.fields: dict[str, str] = {}

    def collect(self, selections: SelectionSetNode) -> None:
        """Collect the names of the selected fields by response key; selections with the same key are one field."""
        for node in selections.selections:
            if not self._arguments.is_included(node):
                continue
            match node:
                case FieldNode(name=name, alias=alias):
                    self.fields[(alias or name).value] = name.value
                case FragmentSpreadNode(name=name) if name.value not in self._visited_fragments:
                    self._visited_fragments.add(name.value)
                    self.collect(self._fragments[name.value].selection_set)
                case InlineFragmentNode():
                    self.collect(node.selection_set)
