"""Public root fields, which need no user, and the rejection of documents in which an anonymous client may run nothing."""

from collections.abc import Iterable, Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_operation_ast,
)

# Metadata of a Strawberry field that declares it as public.
PUBLIC = {"is_public": True}
_META_FIELDS = ("__typename", "__schema", "__type")


class PublicFields:
    """The public root fields of a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        root_types = (schema.query_type, schema.mutation_type, schema.subscription_type)
        declared = (name for root in root_types if root for name, field in root.fields.items() if _is_public(field))
        self.names = frozenset((*_META_FIELDS, *declared))

    def are_selected(self, document: DocumentNode, operation_name: str | None) -> bool:
        """Return whether the operation selects a public root field. The document need not be valid.

        If the name does not determine an operation, all operations count.
        """
        operation = get_operation_ast(document, operation_name)
        operations = [operation] if operation else _operations(document)
        return not self.names.isdisjoint(_root_fields(document, operations))


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _is_public(field: GraphQLField) -> bool:
    definition = field.extensions.get("strawberry-definition")
    return definition is not None and definition.metadata.get("is_public", False)


def _root_fields(document: DocumentNode, operations: Iterable[OperationDefinitionNode]) -> Iterator[str]:
    """Yield the names of the root fields, with those of fragments; `@skip` and `@include` are ignored."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    pending = [operation.selection_set for operation in operations]
    while pending:
        for node in pending.pop().selections:
            match node:
                case FieldNode(name=name):
                    yield name.value
                case InlineFragmentNode():
                    pending.append(node.selection_set)
                case FragmentSpreadNode(name=name) if name.value in fragments:
                    pending.append(fragments.pop(name.value).selection_set)
