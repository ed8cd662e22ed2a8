"""Arguments for generated operations: values of any input type of the schema, written as literals, as variables, or as both.

Only the arguments of pages are known by name; everything else comes from the types, so a new filter is covered once it is there.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    get_named_type,
)

from tests.dice import Dice

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


def strictly(type_: GraphQLInputType) -> _Nullable:
    """Return the type without its exclamation mark."""
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


class Arguments:
    """Writes the arguments of one operation, and collects its variables."""

    def __init__(self, dice: Dice, schema: GraphQLSchema, data: Data, *, whole: bool) -> None:
        self._dice = dice
        self._schema = schema
        self._data = data
        self._whole = whole
        self._reusable: dict[tuple[str, str], str] = {}
        self.definitions: list[str] = []
        self.given: dict[str, Any] = {}

    def of(self, field: GraphQLField, *, top: bool, most: int) -> tuple[str, int]:
        """Return the arguments of a field as text, and about how many rows they bring at most."""
        drawn, size = self._drawn(field, top=top, most=most)
        parts = [f"{name}: {self.spelled(value, field.args[name])}" for name, value in drawn.items()]
        parts += [f"{name}: {absent}" for name, argument in field.args.items() if (absent := self._absent(name, drawn, argument))]
        return f"({', '.join(parts)})" if parts else "", size

    def spelled(self, value: Any, place: GraphQLArgument | Any) -> str:
        """Return a value as text: a literal, or a variable that stands for it."""
        if self._dice.chance(12):
            return self._variable(value, place.type, defaulted=place.default_value is not Undefined)
        return self._literal(value, place.type)

    # What to say.

    def _drawn(self, field: GraphQLField, *, top: bool, most: int) -> tuple[dict[str, Any], int]:
        target = self._target(field)
        if "first" not in field.args:
            wanted = [name for name in field.args if isinstance(field.args[name].type, GraphQLNonNull) or self._dice.chance(50)]
            return {name: self._value(field.args[name].type, (target, name)) for name in wanted}, 1
        others = {name for name in field.args if name not in PAGING | {"search"}}
        drawn: dict[str, Any] = {}
        for name in sorted(others):
            if (self._whole and name != "orderBy") or not self._dice.chance(40):
                continue
            drawn[name] = None if self._dice.chance(4) else self._value(field.args[name].type, (target, name))
        cursors = [] if self._whole else self._data.cursors(target, drawn.get("orderBy"))
        backward = "last" in field.args and self._dice.chance(35)
        paging = self._paging(cursors, min(most, TOP_PAGE if top else PAGE), backward=backward, unpaged=most >= UNPAGED)
        drawn |= paging
        size = paging["last"] if "last" in paging else paging.get("first")
        if top and not self._whole and self._dice.chance(6):
            self._spoil(drawn, field, target)
        return drawn, UNPAGED if size is None else max(size, 1)

    def _paging(self, cursors: Sequence[str], most: int, *, backward: bool, unpaged: bool) -> dict[str, Any]:
        size = self._dice.number(1, most)
        if not self._whole and self._dice.chance(3):
            size = 0
        bounded = bool(cursors) and self._dice.chance(40)
        if not backward:
            paging: dict[str, Any] = {"first": size}
            if unpaged and self._dice.chance(15):
                paging = {"first": None} if self._dice.chance(30) else {}
            return {**paging, "after": self._dice.pick(cursors)} if bounded else paging
        if not bounded:
            return {"last": size, "first": 3} if self._dice.chance(10) else {"last": size}
        cursor = self._dice.pick(cursors)
        return {"first" if self._dice.chance(25) else "last": size, "before": cursor}

    def _spoil(self, drawn: dict[str, Any], field: GraphQLField, target: str) -> None:
        """Make a page impossible, in one of the ways in which clients do."""
        ways: list[dict[str, Any]] = [{"first": -1}, {"first": 501}, {"after": "nonsense"}]
        if "last" in field.args:
            ways += [{"last": -1}, {"after": "x", "last": 1}, {"after": "x", "before": "y"}, {"before": ""}]
        if "orderBy" in field.args:
            (term,) = self._value(field.args["orderBy"].type, (target, ""))[:1] or [{"field": "TITLE"}]
            ways += [{"orderBy": [term, term]}, {"orderBy": [term], "before": self._dice.pick(self._data.cursors("Tag", None))}]
        if "filter" in field.args:
            (member,) = list(self._value(field.args["filter"].type, (target, "")))[:1] or ["not"]
            ways += [{"filter": {member: None}}] * 2
        way = self._dice.pick(ways)
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
            return self._dice.pick(list(type_.values))
        if type_ is GraphQLBoolean:
            return self._dice.chance(50)
        return self._scalar(type_.name, place)

    def _list(self, type_: GraphQLInputType, place: Place, nesting: int) -> list[Any]:
        several = [self._value(type_, place, nesting) for _ in range(self._dice.number(0, 3))]
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
            if name not in required and (nesting < MAX_NESTING or get_named_type(member.type) is not type_)
        ]
        names = [*required, *(self._dice.some(optional, 2) if optional and not self._dice.chance(3) else [])]
        if self._dice.chance(50):
            names = [name for name in names if type_.fields[name].default_value is Undefined]
        here = noun if noun in self._schema.type_map else None
        return {name: self._value(type_.fields[name].type, (here, name) if here else place, nesting + 1) for name in names}

    def _scalar(self, kind: str, place: Place) -> Any:
        pool = [value for name in self._rows(place[0]) for value in self._data.values(name, place[1])]
        if not pool or (not self._whole and self._dice.chance(6)):
            return {"ID": NOWHERE, "DateTime": "2026-01-02T12:00:00Z", "String": "x", "Boolean": True}.get(kind, 1)
        value = self._dice.pick(pool)
        if kind == "String":
            return self._like(str(value))
        if kind == "DateTime":
            return self._same_moment(value)
        return value.upper() if kind == "ID" and self._dice.chance(5) else value

    def _like(self, text: str) -> str:
        """Return the text, or a part of it, perhaps in the other case."""
        if self._dice.chance(40):
            start = self._dice.number(0, max(0, len(text) - 1))
            text = text[start : start + self._dice.number(0, 3)]
        return text.swapcase() if self._dice.chance(20) else text

    def _same_moment(self, text: str) -> str:
        moment = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=self._dice.number(0, 3))))
        return moment.isoformat().replace("+00:00", "Z")

    def _target(self, field: GraphQLField) -> str:
        """Return the type of the rows that a field brings."""
        type_ = get_named_type(field.type)
        nodes = type_.fields.get("nodes") if isinstance(type_, GraphQLObjectType) else None
        return get_named_type(nodes.type).name if nodes else type_.name

    def _rows(self, type_name: str) -> list[str]:
        type_ = self._schema.type_map.get(type_name)
        if isinstance(type_, GraphQLInterfaceType):
            return [one.name for one in self._schema.get_possible_types(type_)]
        return [type_name] if isinstance(type_, GraphQLObjectType) else []

    # How to say it.

    def _absent(self, name: str, drawn: dict[str, Any], argument: GraphQLArgument | Any) -> str | None:
        """An argument that is a variable without a value is as good as none."""
        if name in drawn or isinstance(argument.type, GraphQLNonNull) or self._whole or not self._dice.chance(2):
            return None
        return self._defined(str(argument.type))

    def _literal(self, value: Any, type_: GraphQLInputType, *, constant: bool = False) -> str:
        type_ = strictly(type_)
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList):
            if len(value) == 1 and value[0] is not None and self._dice.chance(25):
                return self._literal(value[0], type_.of_type, constant=constant)
            return f"[{', '.join(self._part(one, GraphQLArgument(type_.of_type), constant=constant) for one in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            members = [f"{name}: {self._part(one, type_.fields[name], constant=constant)}" for name, one in value.items()]
            return f"{{{', '.join(members)}}}"
        return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)

    def _part(self, value: Any, place: Any, *, constant: bool) -> str:
        return self._literal(value, place.type, constant=True) if constant else self.spelled(value, place)

    def _variable(self, value: Any, type_: GraphQLInputType, *, defaulted: bool) -> str:
        nullable = strictly(type_)
        may_be_null = nullable is type_
        if value is not None and self._dice.chance(30):
            # The default speaks: nothing is given.
            return self._defined(f"{nullable}{'!' * self._dice.chance(30)}", self._literal(value, nullable, constant=True))
        known = self._reusable.get((str(nullable), json.dumps(value)))
        if known is not None and (may_be_null or value is not None) and self._dice.chance(60):
            return known
        if value is not None and self._dice.chance(50):
            name = self._defined(f"{nullable}!")
            self._reusable[str(nullable), json.dumps(value)] = name
        elif may_be_null or defaulted:
            # What is given goes before the default, null too.
            name = self._defined(str(nullable), self._other(value, nullable) if self._dice.chance(40) else None)
        else:
            name = self._defined(str(nullable), self._other(value, nullable, null=False))
        bare = isinstance(value, list) and len(value) == 1 and self._dice.chance(25)
        self.given[name[1:]] = value[0] if bare else value
        return name

    def _other(self, value: Any, type_: GraphQLInputType, *, null: bool = True) -> str:
        """Return another constant of the type, where that is easy."""
        if isinstance(value, bool):
            return json.dumps(not value)
        if isinstance(value, int):
            return str(value + 1)
        if isinstance(type_, GraphQLEnumType):
            return str(self._dice.pick(list(type_.values)))
        return "null" if null or value is None else self._literal(value, type_, constant=True)

    def _defined(self, type_: str, default: str | None = None) -> str:
        name = f"$v{len(self.definitions)}"
        self.definitions.append(f"{name}: {type_}" + (f" = {default}" if default is not None else ""))
        return name
