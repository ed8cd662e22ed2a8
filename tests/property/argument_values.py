"""Argument values for generated operations, from the schema's input types and the data.

Only paging arguments are known by name. Everything else follows from the types, so new filters are covered without a change.
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

from tests.property.random_source import RandomSource

MAX_NESTING = 3  # of input objects
TOP_PAGE, PAGE = 10, 5  # largest page sizes
UNPAGED = 8  # estimated number of rows of a page without an explicit size
UNKNOWN_ID = "01939d2c-5b7e-7c3a-9d7e-3f2b1a0c9d8e"

PAGING = frozenset({"first", "after", "last", "before"})

_Nullable = GraphQLScalarType | GraphQLEnumType | GraphQLInputObjectType | GraphQLList[Any]

FieldPath = tuple[str, str]  # a type and one of its fields: where matching values occur


class Data(Protocol):
    """Source of existing values and cursors."""

    def values(self, type_name: str, field_name: str) -> Sequence[Any]: ...
    def cursors(self, type_name: str, order_by: Any) -> Sequence[str]: ...


@dataclass(frozen=True)
class GenerationOptions:
    """Options of generation. With `non_empty`, no argument empties a relation.

    `invalid_percent` of the pages get an invalid argument, at the top level or at any depth; `null_percent` of the non-null
    variables get null.
    """

    non_empty: bool = False
    invalid_percent: int = 6
    invalid_at_any_depth: bool = False
    null_percent: int = 0


def nullable_type(type_: GraphQLInputType) -> _Nullable:
    """Return the type without non-null."""
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def has_only_leaves(type_: GraphQLNamedType) -> bool:
    """Return whether all fields of a type are leaves."""
    fields = type_.fields.values() if isinstance(type_, GraphQLInputObjectType) else ()
    return all(is_leaf_type(get_named_type(field.type)) for field in fields)


@dataclass
class ArgumentGenerator:
    """Draws argument values for one operation."""

    rng: RandomSource
    schema: GraphQLSchema
    data: Data
    options: GenerationOptions

    def of(self, field: GraphQLField, *, top: bool, max_rows: int) -> tuple[dict[str, Any], int]:
        """Return arguments for a field, and the approximate maximum number of rows."""
        target = self._target(field)
        if "first" not in field.args:
            names = [name for name in field.args if isinstance(field.args[name].type, GraphQLNonNull) or self.rng.probability(50)]
            return {name: self._value(field.args[name].type, (target, name)) for name in names}, 1
        others = {name for name in field.args if name not in PAGING | {"search"}}
        arguments: dict[str, Any] = {}
        for name in sorted(others):
            if (self.options.non_empty and name != "orderBy") or not self.rng.probability(50):
                continue
            arguments[name] = None if self.rng.probability(4) else self._value(field.args[name].type, (target, name))
        cursors = [] if self.options.non_empty else self.data.cursors(target, arguments.get("orderBy"))
        paging = self._paging(cursors, min(max_rows, TOP_PAGE if top else PAGE), unpaged=max_rows >= UNPAGED)
        arguments |= paging
        size = paging.get("last") if paging.get("first") is None else paging["first"]
        if self.rng.probability(self.options.invalid_percent if top or self.options.invalid_at_any_depth else 0):
            self._make_invalid(arguments, field, target)
        return arguments, UNPAGED if size is None else max(size, 1)

    def _paging(self, cursors: Sequence[str], max_rows: int, *, unpaged: bool) -> dict[str, Any]:
        """Return any combination of paging arguments that limits the rows, or none if the page may be `unpaged`."""
        names = self.rng.choice([["first"], ["first"], ["last"], ["first", "last"]])
        paging: dict[str, Any] = {name: self._page_size(max_rows) for name in names}
        if unpaged and self.rng.probability(10):
            paging = self.rng.choice([{}, {"first": None}, {"last": None}])
        for name in ("after", "before"):
            bounded = bool(cursors) and self.rng.probability(35)
            if bounded or self.rng.probability(3):
                paging[name] = self.rng.choice(cursors) if bounded else None
        return paging

    def _page_size(self, max_rows: int) -> int:
        return 0 if not self.options.non_empty and self.rng.probability(3) else self.rng.number(1, max_rows)

    def _make_invalid(self, arguments: dict[str, Any], field: GraphQLField, target: str) -> None:
        """Replace paging arguments by an invalid combination."""
        replacements: list[dict[str, Any]] = [{"first": -1}, {"first": 501}, {"after": "nonsense"}, {"first": 2, "last": 501}]
        replacements += [{"last": -1}, {"after": "x", "last": 1}, {"after": "x", "before": "y"}, {"before": ""}]
        if "orderBy" in field.args:
            (term,) = self._value(field.args["orderBy"].type, (target, ""))[:1] or [{"field": "TITLE"}]
            replacements += [
                {"orderBy": [term, term]},
                {"orderBy": [term], "before": self.rng.choice(self.data.cursors("Tag", None))},
            ]
        if "filter" in field.args:
            (condition,) = list(self._value(field.args["filter"].type, (target, "")))[:1] or ["not"]
            replacements += [{"filter": {condition: None}}] * 2
        replacement = self.rng.choice(replacements)
        for name in PAGING & arguments.keys() if PAGING & replacement.keys() else ():
            del arguments[name]
        arguments |= replacement

    def _value(self, type_: GraphQLInputType, path: FieldPath, nesting: int = 0) -> Any:
        type_ = nullable_type(type_)
        if isinstance(type_, GraphQLList):
            return self._list(type_.of_type, path, nesting)
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_, path, nesting)
        if isinstance(type_, GraphQLEnumType):
            return self.rng.choice(list(type_.values))
        if type_ is GraphQLBoolean:
            return self.rng.probability(50)
        return self._scalar(type_.name, path)

    def _list(self, type_: GraphQLInputType, path: FieldPath, nesting: int) -> list[Any]:
        values = [self._value(type_, path, nesting) for _ in range(self.rng.number(0, 3))]
        if isinstance(nullable_type(type_), GraphQLInputObjectType) and nesting == 0:
            # In a list of terms, such as an order, terms are distinct.
            return list({next(iter(term.values()), None): term for term in values}.values())
        return values

    def _object(self, type_: GraphQLInputObjectType, path: FieldPath, nesting: int) -> dict[str, Any]:
        type_name = type_.name.removesuffix("Filter")
        required = [name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)]
        optional = [
            name
            for name, field in type_.fields.items()
            if name not in required and (nesting < MAX_NESTING or has_only_leaves(get_named_type(field.type)))
        ]
        names = [*required, *(self.rng.sample(optional, 2) if optional and not self.rng.probability(3) else [])]
        if self.rng.probability(50):
            names = [name for name in names if type_.fields[name].default_value is Undefined]
        owner_type = type_name if type_name in self.schema.type_map else None
        return {
            name: self._value(type_.fields[name].type, (owner_type, name) if owner_type else path, nesting + 1) for name in names
        }

    def _scalar(self, type_name: str, path: FieldPath) -> Any:
        pool = [value for row_type in self._row_types(path[0]) for value in self.data.values(row_type, path[1])]
        if not pool or (not self.options.non_empty and self.rng.probability(6)):
            return {"ID": UNKNOWN_ID, "DateTime": "2026-01-02T12:00:00Z", "String": "x", "Boolean": True}.get(type_name, 1)
        value = self.rng.choice(pool)
        if type_name == "String":
            return self._similar_text(str(value))
        if type_name == "DateTime":
            return self._same_instant(value)
        return value.upper() if type_name == "ID" and self.rng.probability(5) else value

    def _similar_text(self, text: str) -> str:
        """Return the text or a part of it, sometimes with swapped case."""
        if self.rng.probability(40):
            start = self.rng.number(0, max(0, len(text) - 1))
            text = text[start : start + self.rng.number(0, 3)]
        return text.swapcase() if self.rng.probability(35) else text

    def _same_instant(self, text: str) -> str:
        timestamp = datetime.fromisoformat(text).astimezone(timezone(timedelta(hours=self.rng.number(0, 3))))
        return timestamp.isoformat().replace("+00:00", "Z")

    def _target(self, field: GraphQLField) -> str:
        """Return the type of a field's rows."""
        type_ = get_named_type(field.type)
        nodes = type_.fields.get("nodes") if isinstance(type_, GraphQLObjectType) else None
        return get_named_type(nodes.type).name if nodes else type_.name

    def _row_types(self, type_name: str) -> list[str]:
        type_ = self.schema.type_map.get(type_name)
        if isinstance(type_, GraphQLInterfaceType):
            return [possible.name for possible in self.schema.get_possible_types(type_)]
        return [type_name] if isinstance(type_, GraphQLObjectType) else []
