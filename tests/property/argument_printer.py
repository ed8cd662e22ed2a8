"""How values are said in an operation: as literals, as variables, as the defaults of variables, or by leaving them out."""

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

from tests.property.argument_values import Values, strictly
from tests.property.random_source import Dice

Place = GraphQLArgument | GraphQLInputField


@dataclass
class Arguments:
    """Writes the arguments of one operation, and collects its variables."""

    dice: Dice
    values: Values
    definitions: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    _reusable: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, field: GraphQLField, *, top: bool, most: int) -> tuple[str, int]:
        """Return the arguments of a field as text, and about how many rows they bring at most."""
        drawn, size = self.values.of(field, top=top, most=most)
        parts = [f"{name}: {self.spelled(value, field.args[name])}" for name, value in drawn.items()]
        parts += self._left_out(field.args, drawn)
        return f"({', '.join(parts)})" if parts else "", size

    def spelled(self, value: Any, place: Place) -> str:
        """Return a value as text: a literal, or a variable that stands for it."""
        if self.dice.chance(12):
            return self._variable(value, place.type, defaulted=place.default_value is not Undefined)
        return self._literal(value, place.type)

    def _left_out(self, places: Mapping[str, Place], present: Iterable[str]) -> list[str]:
        """Sometimes return one more member: a variable without a value is as good as nothing."""
        if not self.dice.chance(5):
            return []
        free = {name: place.type for name, place in places.items() if name not in present and may_be_left_out(place)}
        name = self.dice.pick([*free, None])
        return [f"{name}: {self._defined(str(strictly(free[name])))}"] if name else []

    def _literal(self, value: Any, type_: GraphQLInputType, *, constant: bool = False) -> str:
        type_ = strictly(type_)
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList):
            if len(value) == 1 and value[0] is not None and self.dice.chance(25):
                return self._literal(value[0], type_.of_type, constant=constant)
            return f"[{', '.join(self._part(one, GraphQLArgument(type_.of_type), constant=constant) for one in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            members = [f"{name}: {self._part(one, type_.fields[name], constant=constant)}" for name, one in value.items()]
            members += [] if constant else self._left_out(type_.fields, value)
            return f"{{{', '.join(members)}}}"
        return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)

    def _part(self, value: Any, place: Place, *, constant: bool) -> str:
        return self._literal(value, place.type, constant=True) if constant else self.spelled(value, place)

    def _variable(self, value: Any, type_: GraphQLInputType, *, defaulted: bool) -> str:
        nullable = strictly(type_)
        may_be_null = nullable is type_
        if not may_be_null and self.dice.chance(self.values.kind.slips):
            # A default lets null through to where it may not be.
            name = self._defined(str(nullable), self._literal(value, nullable, constant=True))
            self.given[name[1:]] = None
            return name
        if value is not None and self.dice.chance(30):
            # The default speaks: nothing is given.
            return self._defined(f"{nullable}{'!' * self.dice.chance(30)}", self._literal(value, nullable, constant=True))
        known = self._reusable.get((str(nullable), json.dumps(value)))
        if known is not None and (may_be_null or value is not None) and self.dice.chance(60):
            return known
        if value is not None and self.dice.chance(50):
            name = self._defined(f"{nullable}!")
            self._reusable[str(nullable), json.dumps(value)] = name
        elif may_be_null or defaulted:
            # What is given goes before the default, null too.
            name = self._defined(str(nullable), self._other(value, nullable) if self.dice.chance(40) else None)
        else:
            name = self._defined(str(nullable), self._other(value, nullable, null=False))
        bare = isinstance(value, list) and len(value) == 1 and self.dice.chance(25)
        self.given[name[1:]] = value[0] if bare else value
        return name

    def _other(self, value: Any, type_: GraphQLInputType, *, null: bool = True) -> str:
        """Return another constant of the type, where that is easy."""
        if isinstance(value, bool):
            return json.dumps(not value)
        if isinstance(value, int):
            return str(value + 1)
        if isinstance(type_, GraphQLEnumType):
            return str(self.dice.pick(list(type_.values)))
        return "null" if null or value is None else self._literal(value, type_, constant=True)

    def _defined(self, type_: str, default: str | None = None) -> str:
        name = f"$v{len(self.definitions)}"
        self.definitions.append(f"{name}: {type_}" + (f" = {default}" if default is not None else ""))
        return name


def may_be_left_out(place: Place) -> bool:
    """Tell whether a place may stay without a value."""
    return not isinstance(place.type, GraphQLNonNull) or place.default_value is not Undefined
