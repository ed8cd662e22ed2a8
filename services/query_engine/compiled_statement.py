"""Compilation of queries to statements, and the parameters that the statements share."""

import re

from sqlalchemy import (
    ARRAY,
    FromClause,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.types import TypeEngine

from models.database import make_dialect
from models.sql.statement import Statement
from services.query_engine.sql_types import SqlExpression, SqlQuery

_DIALECT = make_dialect()
# Parameters that the executor sets; start… and end… are the values of cursors, v… the operands of a condition.
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_RUNTIME_PARAMETERS = re.compile(r"user_id|keys|ids|limit|budget|text_budget|search|(start|end|v)\d+")


def compile_statement(query: SqlQuery) -> Statement:
    """Return the query as a statement. Values that are the same in each execution are a part of its text."""
    compiled = query.compile(dialect=_DIALECT)

    def literal(match: re.Match[str]) -> str:
        parameter = compiled.binds[match[1]]
        if _RUNTIME_PARAMETERS.fullmatch(match[1]):
            return match[0]
        return compiled.render_literal_value(parameter.value, parameter.type)

    return Statement.parse(_PLACEHOLDER.sub(literal, str(compiled)))


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
    """Return the parameter with the tsquery of the full-text search."""
    return cast(bindparam("search", type_=Text), TSQUERY)
