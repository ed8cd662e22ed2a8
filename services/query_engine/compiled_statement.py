"""Compiled statements: SQL text for the driver, and the parameters that the statements share."""

import re
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    FromClause,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from models.database import make_dialect
from services.query_engine.sql_types import SqlExpression, SqlQuery

_DIALECT = make_dialect()
# Parameters that the executor sets; start… and end… are the values of cursors, v… the operands of a condition.
_RUNTIME_PARAMETERS = re.compile(r"user_id|keys|ids|limit|budget|text_budget|words|search|(start|end|v)\d+")


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """SQL text for the driver, and the parameters that are the same in each execution."""

    text: str
    constants: dict[str, object]


def compile_statement(statement: SqlQuery) -> CompiledStatement:
    """Return the compiled statement."""
    result = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in result.params.items() if not _RUNTIME_PARAMETERS.fullmatch(name)}
    return CompiledStatement(str(result), constants)


def user_id_param() -> SqlExpression:
    """Return the parameter with the user's id."""
    return bindparam("user_id", type_=Text)


def parent_keys_table() -> FromClause:
    """Return the keys of all parents as a table with the columns `key` and `number`, counted from 1."""
    keys = cast(bindparam("keys", type_=Text), ARRAY(Uuid(as_uuid=False)))
    key = column("key", Uuid(as_uuid=False))
    return func.unnest(keys).table_valued(key, with_ordinality="number", name="parent").render_derived()


def ids_param(kind: TypeEngine[object]) -> SqlExpression:
    """Return the parameter with the ids of the requested rows; ids of accounts are text, all others UUIDs."""
    return cast(bindparam("ids", type_=Text), ARRAY(Uuid(as_uuid=False) if isinstance(kind, Uuid) else Text()))


def tsquery_param() -> SqlExpression:
    """Return the tsquery of the full-text search."""
    return func.to_tsquery(literal_column("'simple'"), bindparam("words", type_=Text))


def search_text_param() -> SqlExpression:
    """Return the parameter with the search text that the client sent."""
    return cast(bindparam("search", type_=Text), Text)
