"""Bind variables: variables whose values only identify a row or the start of a page.

Clients send the same document many times with other ids and cursors. Operations are cached without these values; they are bound
at each execution, like the parameters of a prepared statement.
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
    """Return for each operation name the variables that are used by bindable arguments of root fields only.

    Variables that fragments use do not qualify, nor do variables with a default value, which may replace the client's value.
    """
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    in_fragments = _variable_uses(*(node for node in document.definitions if isinstance(node, FragmentDefinitionNode)))
    return {node.name.value if node.name else None: _bindable_in(node, in_fragments) for node in operations}


def _bindable_in(operation: OperationDefinitionNode, in_fragments: Mapping[str, int]) -> frozenset[str]:
    bindable = Counter(_bindable_uses(operation))
    uses = _variable_uses(operation.selection_set, *(operation.directives or ()))
    without_default = {node.variable.name.value for node in operation.variable_definitions or () if node.default_value is None}
    return frozenset(
        name for name, count in bindable.items() if name in without_default - set(in_fragments) and uses[name] == count
    )


def _bindable_uses(operation: OperationDefinitionNode) -> Iterator[str]:
    for node in operation.selection_set.selections:
        for argument in (node.arguments or ()) if isinstance(node, FieldNode) else ():
            if argument.name.value in BINDABLE_ARGUMENTS and isinstance(argument.value, VariableNode):
                yield argument.value.name.value


def _variable_uses(*nodes: Node) -> Counter[str]:
    """Return the number of uses of each variable."""
    uses: Counter[str] = Counter()

    class UseCounter(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            uses[node.name.value] += 1

    for node in nodes:
        visit(node, UseCounter())
    return uses
