"""Filters: the tree that both doors accept, checked against the graph, and turned into SQL.

{and: […], or: […], not: {…}, title: {contains: "milk"}, list: {name: {eq: "Home"}}, tags: {some: {name: {eq: "urgent"}}}}

Members beside each other must all hold. A column that is null fulfils no comparison but is_null, a relation to one that leads
nowhere fulfils nothing, and `not` turns that around.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field, StrictBool, TypeAdapter, ValidationError

from services.errors import FieldError, InvalidInput
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import Entity, FilterSpec, ToOne
from services.query_engine.query_model import And, Comparison, Condition, Not, Or, RelationFilter

MAX_FILTER_DEPTH = 10
MAX_FILTER_MEMBERS = 500
# Each is a subquery. PostgreSQL looks for the best order to join them in, and with fifty of them takes seconds for that alone.
MAX_FILTER_RELATIONS = 20
MAX_OPERANDS = 500
QUANTIFIERS = frozenset({"some", "none", "every"})

_CHECKS: dict[type[object], TypeAdapter[Any]] = {
    bool: TypeAdapter(StrictBool),
    datetime: TypeAdapter(AwareDatetime),
    UUID: TypeAdapter(UUID),
    str: TypeAdapter(str),
    int: TypeAdapter(Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)]),
    float: TypeAdapter(Annotated[float, Field(allow_inf_nan=False)]),
}


def parse_filter(entity: Entity, condition: object) -> Condition:
    """Return the condition that the tree describes. Raises InvalidInput with a pointer to what is wrong."""
    if _count_members(condition) > MAX_FILTER_MEMBERS:
        raise InvalidInput.at_pointer(
            "/filter", f"A filter has at most {MAX_FILTER_MEMBERS} members in all; `in` takes many values at once."
        )
    condition = _parse(entity, condition, "/filter", 1)
    if _count_relations(condition) > MAX_FILTER_RELATIONS:
        raise InvalidInput.at_pointer(
            "/filter", f"A filter follows at most {MAX_FILTER_RELATIONS} relations in all; ask for less at once."
        )
    return condition


def _count_members(tree: object) -> int:
    """Count what a filter is made of, before anything is made of it."""
    if isinstance(tree, Mapping):
        return len(tree) + sum(_count_members(value) for value in tree.values())
    return sum(1 + _count_members(part) for part in tree if isinstance(part, Mapping | list)) if isinstance(tree, list) else 0


def _count_relations(condition: Condition) -> int:
    match condition:
        case And(parts) | Or(parts):
            return sum(_count_relations(part) for part in parts)
        case Not(part):
            return _count_relations(part)
        case RelationFilter(part=part):
            return 1 + _count_relations(part)
        case _:
            return 0


def _parse(entity: Entity, tree: object, pointer: str, depth: int) -> And:
    if not isinstance(tree, Mapping):
        raise InvalidInput.at_pointer(pointer, 'A filter is an object, such as {"title": {"contains": "milk"}}.')
    if depth > MAX_FILTER_DEPTH:
        raise InvalidInput.at_pointer(pointer, f"Filters nest at most {MAX_FILTER_DEPTH} deep.")
    return And(tuple(_parse_member(entity, name, value, f"{pointer}/{name}", depth) for name, value in tree.items()))


def _parse_member(entity: Entity, name: str, value: object, pointer: str, depth: int) -> Condition:
    if name in {"and", "or"}:
        if not isinstance(value, list):
            raise InvalidInput.at_pointer(pointer, f"`{name}` takes a list of filters.")
        parts = tuple(_parse(entity, part, f"{pointer}/{index}", depth + 1) for index, part in enumerate(value))
        return And(parts) if name == "and" else Or(parts)
    if name == "not":
        return Not(_parse(entity, value, pointer, depth + 1))
    if name in entity.filters:
        return And(tuple(_comparisons(name, entity.filters[name], value, pointer)))
    relation = entity.relations.get(name)
    if isinstance(relation, ToOne):
        return RelationFilter(name, "some", _parse(ENTITIES[relation.target], value, pointer, depth + 1))
    if relation is not None:
        return And(tuple(_parse_quantifiers(ENTITIES[relation.target], name, value, pointer, depth)))
    known = ", ".join([*entity.filters, *entity.relations])
    raise InvalidInput.at_pointer(pointer, f"There is nothing to filter by under this name; there is: and, or, not, {known}.")


def _comparisons(column: str, spec: FilterSpec, operands: object, pointer: str) -> Iterator[Comparison]:
    if not isinstance(operands, Mapping):
        raise InvalidInput.at_pointer(pointer, f"Write an operator: {{{', '.join(sorted(spec.operators))}}}.")
    for operator, operand in operands.items():
        place = f"{pointer}/{operator}"
        if operator not in spec.operators:
            raise InvalidInput.at_pointer(place, f"`{column}` knows the operators {', '.join(sorted(spec.operators))}.")
        yield Comparison(column, operator, _parse_operand(spec.kind, operator, operand, place))


def _parse_operand(kind: type[object], operator: str, operand: object, pointer: str) -> object:
    if operator == "is_null":
        return _check_value(bool, operand, pointer)
    if operator == "in":
        if not isinstance(operand, list) or len(operand) > MAX_OPERANDS:
            raise InvalidInput.at_pointer(pointer, f"`in` takes a list of at most {MAX_OPERANDS} values.")
        return [_check_value(kind, value, f"{pointer}/{index}") for index, value in enumerate(operand)]
    return _check_value(kind, operand, pointer)


def _check_value(kind: type[object], value: object, pointer: str) -> object:
    adapter = _CHECKS.get(kind) or TypeAdapter(kind)
    try:
        checked: object = adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidInput([FieldError(pointer, flaw["msg"]) for flaw in error.errors()]) from error
    if isinstance(checked, datetime):
        return _in_utc(checked)
    if isinstance(checked, str) and "\x00" in checked:
        raise InvalidInput.at_pointer(pointer, "The NUL character cannot be stored, so nothing contains it.")
    return str(checked) if isinstance(checked, UUID | StrEnum) else checked


def _in_utc(moment: datetime) -> datetime:
    """PostgreSQL knows no offsets beyond 15:59. What lies outside of Python's years compares like their ends."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if moment.year == 1 else datetime.max.replace(tzinfo=UTC)


def _parse_quantifiers(target: Entity, name: str, value: object, pointer: str, depth: int) -> Iterator[RelationFilter]:
    if not isinstance(value, Mapping) or not QUANTIFIERS.issuperset(value):
        raise InvalidInput.at_pointer(pointer, "Write a quantifier: {some: {…}}, {none: {…}} or {every: {…}}.")
    for quantifier, tree in value.items():
        yield RelationFilter(name, quantifier, _parse(target, tree, f"{pointer}/{quantifier}", depth + 1))
