"""SQL types of operands and cursor values. Ids are str in Python and UUID in the database."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ColumnElement, CompoundSelect, DateTime, Float, Select, Text, Uuid
from sqlalchemy.types import TypeEngine

# SQLAlchemy types expressions by their Python values, which are not known statically: entities are built at run time.
SqlExpression: TypeAlias = ColumnElement[Any]
SqlSelect: TypeAlias = Select[Any]
SqlQuery: TypeAlias = Select[Any] | CompoundSelect[Any]

_SQL_TYPES: dict[type[object], TypeEngine[Any]] = {
    bool: Boolean(),
    datetime: DateTime(timezone=True),
    float: Float(),
    int: BigInteger(),
    str: Text(),
    UUID: Uuid(as_uuid=False),
}


def sql_type(kind: type[object]) -> TypeEngine[Any]:
    """Return the type to cast a value of this Python type to."""
    return _SQL_TYPES[str if issubclass(kind, StrEnum) else kind]
