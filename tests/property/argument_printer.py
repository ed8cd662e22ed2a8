"""Printing of argument values: as literals, variables, variable defaults or by omission."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
)

from tests.property.argument_values import ArgumentGenerator, nullable_type
from tests.property.random_source import RandomSource

InputDefinition = GraphQLArgument | GraphQLInputField


@dataclass
class ArgumentPrinter:
    """Prints the arguments of one operation, and collects its variables."""

    rng: RandomSource
    values: ArgumentGenerator
    definitions: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    _reusable: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, field: GraphQLField, *, top: bool, max_rows: int) -> tuple[str, int]:
        """Return the arguments of a field as text, and the approximate maximum number of rows."""
        arguments, size = self.values.of(field, top=top, max_rows=max_rows)
        parts = [f"{name}: {self.print_value(value, field.args[name])}" for name, value in arguments.items()]
        parts += self._omitted(field.args, arguments)
        return f"({', '.join(parts)})" if parts else "", size

    def print_value(self, value: Any, definition: InputDefinition) -> str:
        """Return a value as text: a literal or a variable."""
        if self.rng.probability(12):
            return self._print_variable(value, definition.type, defaulted=definition.default_value is not Undefined)
        return self._print_literal(value, definition.type)

    def _omitted(self, definitions_by_name: Mapping[str, InputDefinition], present: Iterable[str]) -> list[str]:
        """Return one more argument in 5 % of the cases: a variable without a value is equal to an omitted argument."""
        if not self.rng.probability(5):
            return []
        free = {
            name: definition.type
            for name, definition in definitions_by_name.items()
            if name not in present and is_optional(definition)
        }
        name = self.rng.choice([*free, None])
        return [f"{name}: {self._define_variable(str(nullable_type(free[name])))}"] if name else []

    def _print_literal(self, value: Any, type_: GraphQLInputType, *, constant: bool = False) -> str:
        type_ = nullable_type(type_)
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList):
            if len(value) == 1 and value[0] is not None and self.rng.probability(25):
                return self._print_literal(value[0], type_.of_type, constant=constant)
            return f"[{', '.join(self._print_part(item, GraphQLArgument(type_.of_type), constant=constant) for item in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            fields = [f"{name}: {self._print_part(item, type_.fields[name], constant=constant)}" for name, item in value.items()]
            fields += [] if constant else self._omitted(type_.fields, value)
            return f"{{{', '.join(fields)}}}"
        return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)

    def _print_part(self, value: Any, definition: InputDefinition, *, constant: bool) -> str:
        return self._print_literal(value, definition.type, constant=True) if constant else self.print_value(value, definition)

    def _print_variable(self, value: Any, type_: GraphQLInputType, *, defaulted: bool) -> str:
        nullable = nullable_type(type_)
        may_be_null = nullable is type_
        if not may_be_null and self.rng.probability(self.values.options.null_percent):
            # A default makes the variable acceptable here although null is passed.
            name = self._define_variable(str(nullable), self._print_literal(value, nullable, constant=True))
            self.variables[name[1:]] = None
            return name
        if value is not None and self.rng.probability(30):
            # The default is used: no value is passed.
            return self._define_variable(
                f"{nullable}{'!' * self.rng.probability(30)}", self._print_literal(value, nullable, constant=True)
            )
        known = self._reusable.get((str(nullable), json.dumps(value)))
        if known is not None and (may_be_null or value is not None) and self.rng.probability(60):
            return known
        if value is not None and self.rng.probability(50):
            name = self._define_variable(f"{nullable}!")
            self._reusable[str(nullable), json.dumps(value)] = name
        elif may_be_null or defaulted:
            # A passed value, even null, overrides the default.
            name = self._define_variable(
                str(nullable), self._other_constant(value, nullable) if self.rng.probability(40) else None
            )
        else:
            name = self._define_variable(str(nullable), self._other_constant(value, nullable, null=False))
        is_single_item = isinstance(value, list) and len(value) == 1 and self.rng.probability(25)
        self.variables[name[1:]] = value[0] if is_single_item else value
        return name

    def _other_constant(self, value: Any, type_: GraphQLInputType, *, null: bool = True) -> str:
        """Return another constant of the type, if there is a simple one."""
        if isinstance(value, bool):
            return json.dumps(not value)
        if isinstance(value, int):
            return str(value + 1)
        if isinstance(type_, GraphQLEnumType):
            return str(self.rng.choice(list(type_.values)))
        return "null" if null or value is None else self._print_literal(value, type_, constant=True)

    def _define_variable(self, type_: str, default: str | None = None) -> str:
        name = f"$v{len(self.definitions)}"
        self.definitions.append(f"{name}: {type_}" + (f" = {default}" if default is not None else ""))
        return name


def is_optional(definition: InputDefinition) -> bool:
    """Return whether an argument or input field may be omitted."""
    return not isinstance(definition.type, GraphQLNonNull) or definition.default_value is not Undefined
