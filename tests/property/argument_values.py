"""Values for the arguments of generated operations, drawn from the input types of the schema and from the data.

Only the arguments of pages are known by name; everything else comes from the types, so a new filter is covered once it is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
)

from tests.property.random_source import Dice

MAX_NESTING = 3  # of input objects
TOP_PAGE, PAGE = 10, 5  # the largest sizes asked for
UNPAGED = 8  # about how many rows a page has at most that says no size
NOWHERE = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"

PAGING = frozenset({"first", "after", "last", "before"})

_Nullable = GraphQLScalarType | GraphQLEnumType | GraphQLInputObjectType | GraphQLList[Any]

Place = tuple[str, str]  # a type and one of its fields: where values like the wanted ones occur


class Data(Protocol):
    """What the generated values are taken from."""

    def values(self, type_name: str, field_name: str) -> Sequence[Any]: ...
    def cursors(self, type_name: str, order_by: Any) -> Sequence[str]: ...


@dataclass(frozen=True)
class Kind:
    """What to generate. Whole operations leave no relation empty by what they ask for.

    Of a hundred pages so many have a flaw, those at the top or all; of a hundred variables that may not be null so many are.
    """

    whole: bool = False
    flaws: int = 6
    flaws_below: bool = False
    slips: int = 0


def strictly(type_: GraphQLInputType) -> _Nullable:
    """Return the type without its exclamation mark."""
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def is_flat(type_: GraphQLNamedType) -> bool:
    """Tell whether a type nests no further."""
    members = type_.fields.values() if isinstance(type_, GraphQLInputObjectType) else ()
    return all(is_leaf_type(get_named_type(member.type)) for member in members)


@dataclass
class Values:
    """Draws values for one operation."""

    dice: Dice
    schema: GraphQLSchema
    data: Data
    kind: Kind

    def of(self, field: GraphQLField, *, top: bool, most: int) -> tuple[dict[str, Any], int]:
        """Return arguments for a field, and about how many rows they bring at most."""
        target = self._target(field)
        if "first" not in field.args:
            wanted = [name for name in field.args if isinstance(field.args[name].type, GraphQLNonNull) or self.dice.chance(50)]
            return {name: self._value(field.args[name].type, (target, name)) for name in wanted}, 1
        others = {name for name in field.args if name not in PAGING | {"search"}}
        drawn: dict[str, Any] = {}
        for name in sorted(others):
            if (self.kind.whole and name != "orderBy") or not self.dice.chance(50):
                continue
            drawn[name] = None if self.dice.chance(4) else self._value(field.args[name].type, (target, name))
        cursors = [] if self.kind.whole else self.data.cursors(target, drawn.get("orderBy"))
        backward = "last" in field.args and self.dice.chance(35)
        paging = self._paging(cursors, min(most, TOP_PAGE if top else PAGE), backward=backward, unpaged=most >= UNPAGED)
        drawn |= paging
        size = paging["last"] if "last" in paging else paging.get("first")
        if self.dice.chance(self.kind.flaws if top or self.kind.flaws_below else 0):
            self._spoil(drawn, field, target)
        return drawn, UNPAGED if size is None else max(size, 1)

    def _paging(self, cursors: Sequence[str], most: int, *, backward: bool, unpaged: bool) -> dict[str, Any]:
        size = self.dice.number(1, most)
        if not self.kind.whole and self.dice.chance(3):
            size = 0
        bounded = bool(cursors) and self.dice.chance(40)
        if not backward:
            paging: dict[str, Any] = {"first": size}
            if unpaged and self.dice.chance(15):
                paging = {"first": None} if self.dice.chance(30) else {}
            if bounded or self.dice.chance(3):
                paging["after"] = self.dice.pick(cursors) if bounded else None
            return paging
        if not bounded:
            return {"last": size, "first": 3} if self.dice.chance(10) else {"last": size}
        cursor = self.dice.pick(cursors)
        return {"first" if self.dice.chance(25) else "last": size, "before": cursor}

    def _spoil(self, drawn: dict[str, Any], field: GraphQLField, target: str) -> None:
        """Make a page impossible, in one of the ways in which clients do."""
        ways: list[dict[str, Any]] = [{"first": -1}, {"first": 501}, {"after": "nonsense"}]
        if "last" in field.args:
            ways += [{"last": -1}, {"after": "x", "last": 1}, {"after": "x", "before": "y"}, {"before": ""}]
        if "orderBy" in field.args:
            (term,) = self._value(field.args["orderBy"].type, (target, ""))[:1] or [{"field": "TITLE"}]
            ways += [{"orderBy": [term, term]}, {"orderBy": [term], "before": self.dice.pick(self.data.cursors("Tag", None))}]
        if "filter" in field.args:
            (member,) = list(self._value(field.args["filter"].type, (target, "")))[:1] or ["not"]
            ways += [{"filter": {member: None}}] * 2
        way = self.dice.pick(ways)
        for name in PAGING & drawn.keys() if PAGING & way.keys() else ():
            del drawn[name]
        drawn |= way

    def _value(self, type_: GraphQLInputType, place: Place, nesting: int = 0) -> Any:
        type_ = strictly(type_)
        if isinstance(type_, GraphQLList):
            return self._list(type_.of_type, place, nesting)
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_, place, nesting)
        if isinstance(type_, GraphQLEnumType):
            return self.dice.pick(list(type_.values))
        if type_ is GraphQLBoolean:
            return self.dice.chance(50)
        return self._scalar(type_.name, place)

    def _list(self, type_: GraphQLInputType, place: Place, nesting: int) -> list[Any]:
        several = [self._value(type_, place, nesting) for _ in range(self.dice.number(0, 3))]
        if isinstance(strictly(type_), GraphQLInputObjectType) and nesting == 0:
            # A list of terms, such as an order, says each thing once.
            return list({next(iter(one.values()), None): one for one in several}.values())
        return several

    def _object(self, type_: GraphQLInputObjectType, place: Place, nesting: int) -> dict[str, Any]:
        noun = type_.name.removesuffix("Filter")
        required = [name for name, member in type_.fields.items() if isinstance(member.type, GraphQLNonNull)]
        optional = [
            name
            for name, member in type_.fields.items()
            if name not in required and (nesting < MAX_NESTING or is_flat(get_named_type(member.type)))
        ]
        names = [*required, *(self.dice.some(optional, 2) if optional and not self.dice.chance(3) else [])]
        if self.dice.chance(50):
            names = [name for name in names if type_.fields[name].default_value is Undefined]
        here = noun if noun in self.schema.type_map else None
        return {name: self._value(type_.fields[name].type, (here, name) if here else place, nesting + 1) for name in names}

    def _scalar(self, kind: str, place: Place) -> Any:
        pool = [value for name in self._rows(place[0]) for value in self.data.values(name, place[1])]
        if not pool or (not self.kind.whole and self.dice.chance(6)):
            return {"ID": NOWHERE, "DateTime": "2026-01-02T12:00:00Z", "String": "x", "Boolean": True}.get(kind, 1)
        value = self.dice.pick(pool)
        if kind == "String":
            return self._like(str(value))
        if kind == "DateTime":
            return self._same_moment(value)
        return value.upper() if kind == "ID" and self.dice.chance(5) else value

    def _like(self, text: str) -> str:
        """Return the text, or a part of it, perhaps in the other case."""
        if self.dice.chance(40):
            start = self.dice.number(0, max(0, len(text) - 1))
            text = text[start : start + self.dice.number(0, 3)]
        return text.swapcase() if self.dice.chance(35) else text

    def _same_moment(self, text: str) -> str:
        moment = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=self.dice.number(0, 3))))
        return moment.isoformat().replace("+00:00", "Z")

    def _target(self, field: GraphQLField) -> str:
        """Return the type of the rows that a field brings."""
        type_ = get_named_type(field.type)
        nodes = type_.fields.get("nodes") if isinstance(type_, GraphQLObjectType) else None
        return get_named_type(nodes.type).name if nodes else type_.name

    def _rows(self, type_name: str) -> list[str]:
        type_ = self.schema.type_map.get(type_name)
        if isinstance(type_, GraphQLInterfaceType):
            return [one.name for one in self.schema.get_possible_types(type_)]
        return [type_name] if isinstance(type_, GraphQLObjectType) else []
