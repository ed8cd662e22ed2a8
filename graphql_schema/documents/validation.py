"""Document validation: the rules of the GraphQL specification, and additional rules, within bounded time.

The time is proportional to the number of tokens. Finding suggestions takes more, so documents with many errors get none.
"""

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    specified_rules,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule
from graphql.validation.validate import ValidationAbortedError

MAX_ERRORS = 10
MAX_ERRORS_WITH_SUGGESTIONS = 3
_MAX_MESSAGE_WITH_SUGGESTION = 300  # characters; the message contains the misspelled name
# Fields with the same response key are compared pair by pair, at about 1 µs for each unit of the budget.
_COMPARISON_BUDGET_PER_TOKEN = 10
_MIN_COMPARISON_BUDGET = 5_000

_TOO_COMPLEX = "The document is too complex to validate; repeat fewer fields or nest fewer fragments."


class OverlappingFieldsRule(OverlappingFieldsCanBeMergedRule):
    """Rejects conflicting fields. The number of comparisons is proportional to the size of the document."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        budget = max(_MIN_COMPARISON_BUDGET, context.document.token_count * _COMPARISON_BUDGET_PER_TOKEN)
        self.rule_context.remaining_complexity_budget = budget


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
        standard_rules = (rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule)
        self._rules = [*standard_rules, OverlappingFieldsRule, NoEmptySelectionsRule]
        self._hide_schema = not introspection
        if self._hide_schema:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    def validate(self, document: DocumentNode) -> tuple[GraphQLError, ...]:
        """Return the first validation errors of the document. They contain suggestions if they are few."""
        errors = self._validate(document, hide_suggestions=True)
        if not self._hide_schema and errors and _may_have_suggestions(errors):
            errors = self._validate(document, hide_suggestions=False)
        return tuple(_explain(error) for error in errors)

    def _validate(self, document: DocumentNode, *, hide_suggestions: bool) -> list[GraphQLError]:
        return validate(self._schema, document, self._rules, max_errors=MAX_ERRORS, hide_suggestions=hide_suggestions)


def _may_have_suggestions(errors: list[GraphQLError]) -> bool:
    """Return whether the validation was completed, and found few errors with names so short that similar ones are found fast."""
    return len(errors) <= MAX_ERRORS_WITH_SUGGESTIONS and all(
        len(error.message) <= _MAX_MESSAGE_WITH_SUGGESTION and not isinstance(error, ValidationAbortedError) for error in errors
    )


def _explain(error: GraphQLError) -> GraphQLError:
    """Replace graphql-core's message for an aborted validation by one that says how to fix the document."""
    return GraphQLError(_TOO_COMPLEX) if error.message == "Validation aborted." else error
