"""The SQL types of operands and cursor values. Ids are text on our side of the driver."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Float, Text, Uuid
from sqlalchemy.types import TypeEngine

_SQL_TYPES: dict[type[Any], TypeEngine[Any]] = {
    bool: Boolean(),
    datetime: DateTime(timezone=True),
    float: Float(),
    int: BigInteger(),
    str: Text(),
    UUID: Uuid(as_uuid=False),
}


def sql_type(kind: type[Any]) -> TypeEngine[Any]:
    """Return the type to cast a value of this Python type to."""
    return _SQL_TYPES[str if issubclass(kind, StrEnum) else kind]
