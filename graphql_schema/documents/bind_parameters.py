"""Bind variables: values of arguments that only say which row is meant or where a page begins.

A client asks for one task after the other, and for page after page, by the same document with ever new ids and cursors. So
operations are cached without these values, which are bound at each execution, as those of prepared statements are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

BINDABLE_ARGUMENTS = frozenset({"id", "after", "before"})
BoundValues = Mapping[str, str | None]


def bindable_variables(document: DocumentNode) -> Mapping[str | None, frozenset[str]]:
    """Return, by the names of the operations, the variables that only bindable arguments of their root fields use.

    Uses in fragments do not qualify, nor do variables with a default: there, the client's value is not the only one.
    """
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    in_fragments = _variable_uses(*(node for node in document.definitions if isinstance(node, FragmentDefinitionNode)))
    return {node.name.value if node.name else None: _bindable_in(node, in_fragments) for node in operations}


def _bindable_in(operation: OperationDefinitionNode, in_fragments: Mapping[str, int]) -> frozenset[str]:
    bindable = Counter(_bindable_uses(operation))
    uses = _variable_uses(operation.selection_set, *(operation.directives or ()))
    plain = {node.variable.name.value for node in operation.variable_definitions or () if node.default_value is None}
    return frozenset(name for name, times in bindable.items() if name in plain - set(in_fragments) and uses[name] == times)


def _bindable_uses(operation: OperationDefinitionNode) -> Iterator[str]:
    for node in operation.selection_set.selections:
        for argument in (node.arguments or ()) if isinstance(node, FieldNode) else ():
            if argument.name.value in BINDABLE_ARGUMENTS and isinstance(argument.value, VariableNode):
                yield argument.value.name.value


def _variable_uses(*nodes: Node) -> Counter[str]:
    """Return how often each variable is used."""
    uses: Counter[str] = Counter()

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            uses[node.name.value] += 1

    for node in nodes:
        visit(node, Uses())
    return uses
