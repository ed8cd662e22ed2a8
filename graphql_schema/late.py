"""Late arguments: they say which row it is or where a page begins, and nothing of what is selected there.

A client asks for one task after the other, and for page after page, by the same document with ever new ids and cursors. So what
is remembered of an operation is remembered without these values, which come in when it is read.
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

LATE = frozenset({"id", "after", "before"})
Late = Mapping[str, str | None]


def late_variables(document: DocumentNode) -> Mapping[str | None, frozenset[str]]:
    """Return, by the names of the operations, the variables that their root fields take as late arguments, and nothing else does.

    What stands in a fragment counts as something else; with a default it is not the caller's value alone that counts.
    """
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    in_fragments = _uses(*(node for node in document.definitions if isinstance(node, FragmentDefinitionNode)))
    return {node.name.value if node.name else None: _late_in(node, in_fragments) for node in operations}


def _late_in(operation: OperationDefinitionNode, in_fragments: Mapping[str, int]) -> frozenset[str]:
    late = Counter(_given_late(operation))
    uses = _uses(operation.selection_set, *(operation.directives or ()))
    plain = {node.variable.name.value for node in operation.variable_definitions or () if node.default_value is None}
    return frozenset(name for name, times in late.items() if name in plain - set(in_fragments) and uses[name] == times)


def _given_late(operation: OperationDefinitionNode) -> Iterator[str]:
    for node in operation.selection_set.selections:
        for argument in (node.arguments or ()) if isinstance(node, FieldNode) else ():
            if argument.name.value in LATE and isinstance(argument.value, VariableNode):
                yield argument.value.name.value


def _uses(*nodes: Node) -> Counter[str]:
    """Return how often each variable is used."""
    uses: Counter[str] = Counter()

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            uses[node.name.value] += 1

    for node in nodes:
        visit(node, Uses())
    return uses
