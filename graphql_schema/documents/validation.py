"""Document validation: the rules of the GraphQL specification, and additional rules."""

from graphql import DocumentNode, GraphQLError, GraphQLSchema, SelectionSetNode, ValidationRule, specified_rules, validate
from graphql.validation import NoSchemaIntrospectionCustomRule
from graphql.validation.rules import overlapping_fields_can_be_merged

# Fields with the same response key are compared pair by pair, at about 5 µs. Assigning the attribute is the documented way to set
# the limit; with graphql-core's default, a document of 20 KB takes seconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 50_000

_TOO_COMPLEX = "The document is too complex to validate; repeat fewer fields or nest fewer fragments."


class NoEmptySelectionsRule(ValidationRule):
    """Rejects empty selection sets, which graphql-core's parser accepts (they are allowed in a draft of the specification)."""

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        """Report an error if the selection set is empty."""
        if not node.selections:
            self.report_error(GraphQLError("Selection sets must not be empty.", node))


class DocumentValidator:
    """Validator for documents of one schema.

    Without introspection, the schema cannot be queried, and error messages suggest no names from it.
    """

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._rules = [*specified_rules, NoEmptySelectionsRule]
        self._hide_schema = not introspection
        if self._hide_schema:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    def validate(self, document: DocumentNode) -> tuple[GraphQLError, ...]:
        """Return the validation errors of the document."""
        errors = validate(self._schema, document, self._rules, hide_suggestions=self._hide_schema)
        return tuple(_explain(error) for error in errors)


def _explain(error: GraphQLError) -> GraphQLError:
    """Replace graphql-core's message for an aborted validation by one that says how to fix the document."""
    return GraphQLError(_TOO_COMPLEX) if error.message == "Validation aborted." else error
