"""What documents must keep to: the rules of the specification, and ours."""

from graphql import DocumentNode, GraphQLError, GraphQLSchema, SelectionSetNode, ValidationRule, specified_rules, validate
from graphql.validation import NoSchemaIntrospectionCustomRule
from graphql.validation.rules import overlapping_fields_can_be_merged

# Fields of one response key are compared pair by pair, at some 5 µs. This is how graphql-core wants the limit to be set; its
# own lets a document of 20 KB take seconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 50_000

_TOO_COMPLEX = "The document is too intricate to be validated: repeat fewer fields, or nest fragments less deeply."


class NoEmptySelectionsRule(ValidationRule):
    """The parser lets `{}` pass, for a draft of the specification in which it selects nothing."""

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        """Look at one selection."""
        if not node.selections:
            self.report_error(GraphQLError("A selection may not be empty: name the fields that you want.", node))


class DocumentValidator:
    """The rules for documents of one schema. Without introspection the schema is not told, nor guessed at in errors."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._rules = [*specified_rules, NoEmptySelectionsRule]
        self._hide_schema = not introspection
        if self._hide_schema:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    def validate(self, document: DocumentNode) -> tuple[GraphQLError, ...]:
        """Return what is wrong with the document."""
        errors = validate(self._schema, document, self._rules, hide_suggestions=self._hide_schema)
        return tuple(_explain(error) for error in errors)


def _explain(error: GraphQLError) -> GraphQLError:
    """Say more than graphql-core does where it gave up before the rules were through."""
    return GraphQLError(_TOO_COMPLEX) if error.message == "Validation aborted." else error
