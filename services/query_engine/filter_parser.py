"""Filter parser: validates the filter object of both APIs and converts it to a condition.

{and: […], or: […], not: {…}, title: {contains: "milk"}, list: {name: {eq: "Home"}}, tags: {some: {name: {eq: "urgent"}}}}

All keys of an object must match. A null column matches no comparison except is_null, a to-one relation without a target matches
nothing, and `not` negates that.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StrictBool, TypeAdapter, ValidationError

from models.schemas.field_types import Id, IntegralFloat
from models.text.folding import to_nfc
from services.errors import InvalidInput
from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import Entity, FilterSpec, ToOne
from services.query_engine.query_model import And, Comparison, Condition, Not, Or, RelationFilter

MAX_FILTER_DEPTH = 10
MAX_FILTER_KEYS = 500
# Each is a subquery. With fifty of them, PostgreSQL's planner takes seconds to find the best join order.
MAX_FILTER_RELATIONS = 20
MAX_OPERANDS = 500
QUANTIFIERS = frozenset({"some", "none", "every"})


def _date_time_text(value: object) -> object:
    """Return the text of a date and time. Raises ValueError for numbers and dates, which pydantic would accept."""
    if not isinstance(value, str) or not _DATE_TIME.match(value):
        msg = "Must be a date and time with an offset, such as 2026-12-01T09:00:00Z."
        raise ValueError(msg)
    return value


_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
# The operands that GraphQL's scalars accept.
_CHECKS: dict[type[object], TypeAdapter[Any]] = {
    bool: TypeAdapter(StrictBool),
    datetime: TypeAdapter(Annotated[AwareDatetime, BeforeValidator(_date_time_text)]),
    UUID: TypeAdapter(Id),
    str: TypeAdapter(Annotated[str, AfterValidator(to_nfc)]),
    int: TypeAdapter(Annotated[int, IntegralFloat, Field(strict=True, ge=-(2**63), lt=2**63)]),
    float: TypeAdapter(Annotated[float, Field(strict=True, allow_inf_nan=False)]),
}


def parse_filter(entity: Entity, value: object) -> Condition:
    """Return the condition of a filter object. Raises InvalidInput with a pointer to the invalid part."""
    if _count_keys(value) > MAX_FILTER_KEYS:
        raise InvalidInput.at_pointer(
            "/filter", f"A filter has at most {MAX_FILTER_KEYS} keys in total; use `in` for many values."
        )
    condition = _parse(entity, value, "/filter", 1)
    if _count_relations(condition) > MAX_FILTER_RELATIONS:
        raise InvalidInput.at_pointer("/filter", f"A filter follows at most {MAX_FILTER_RELATIONS} relations in total.")
    return condition


def _count_keys(value: object) -> int:
    """Return the number of keys and of nested objects and lists, before the filter is parsed."""
    if isinstance(value, Mapping):
        return len(value) + sum(_count_keys(child) for child in value.values())
    return sum(1 + _count_keys(part) for part in value if isinstance(part, Mapping | list)) if isinstance(value, list) else 0


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


def _parse(entity: Entity, value: object, pointer: str, depth: int) -> And:
    if not isinstance(value, Mapping):
        raise InvalidInput.at_pointer(pointer, 'A filter is an object, such as {"title": {"contains": "milk"}}.')
    if depth > MAX_FILTER_DEPTH:
        raise InvalidInput.at_pointer(pointer, f"Filters can be nested at most {MAX_FILTER_DEPTH} levels deep.")
    return And(tuple(_parse_key(entity, name, operand, f"{pointer}/{name}", depth) for name, operand in value.items()))


def _parse_key(entity: Entity, name: str, value: object, pointer: str, depth: int) -> Condition:
    if name in {"and", "or"}:
        if not isinstance(value, list):
            raise InvalidInput.at_pointer(pointer, f"`{name}` requires a list of filters.")
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
    available = ", ".join([*entity.filters, *entity.relations])
    raise InvalidInput.at_pointer(pointer, f"Unknown filter field. Available: and, or, not, {available}.")


def _comparisons(column: str, spec: FilterSpec, operands: object, pointer: str) -> Iterator[Comparison]:
    if not isinstance(operands, Mapping):
        raise InvalidInput.at_pointer(pointer, f"Expected an operator object: {{{', '.join(sorted(spec.operators))}}}.")
    for operator, operand in operands.items():
        operator_pointer = f"{pointer}/{operator}"
        if operator not in spec.operators:
            raise InvalidInput.at_pointer(
                operator_pointer, f"`{column}` supports the operators {', '.join(sorted(spec.operators))}."
            )
        yield Comparison(column, operator, _parse_operand(spec.kind, operator, operand, operator_pointer))


def _parse_operand(kind: type[object], operator: str, operand: object, pointer: str) -> object:
    if operator == "is_null":
        return _check_value(bool, operand, pointer)
    if operator == "in":
        if not isinstance(operand, list) or len(operand) > MAX_OPERANDS:
            raise InvalidInput.at_pointer(pointer, f"`in` requires a list of at most {MAX_OPERANDS} values.")
        return [_check_value(kind, value, f"{pointer}/{index}") for index, value in enumerate(operand)]
    return _check_value(kind, operand, pointer)


def _check_value(kind: type[object], value: object, pointer: str) -> object:
    adapter = _CHECKS.get(kind) or TypeAdapter(kind)
    try:
        checked: object = adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidInput.from_pydantic(error.errors(), prefix=pointer) from error
    if isinstance(checked, datetime):
        return _in_utc(checked)
    if isinstance(checked, str) and "\x00" in checked:
        raise InvalidInput.at_pointer(pointer, "NUL characters are not allowed.")
    return str(checked) if isinstance(checked, StrEnum) else checked


def _in_utc(timestamp: datetime) -> datetime:
    """Return the time in UTC, since PostgreSQL supports no offsets beyond 15:59; times outside of years 1 to 9999 are clamped."""
    try:
        return timestamp.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if timestamp.year == 1 else datetime.max.replace(tzinfo=UTC)


def _parse_quantifiers(target: Entity, name: str, value: object, pointer: str, depth: int) -> Iterator[RelationFilter]:
    if not isinstance(value, Mapping) or not QUANTIFIERS.issuperset(value):
        raise InvalidInput.at_pointer(pointer, "Expected a quantifier: {some: {…}}, {none: {…}} or {every: {…}}.")
    for quantifier, condition in value.items():
        yield RelationFilter(name, quantifier, _parse(target, condition, f"{pointer}/{quantifier}", depth + 1))
