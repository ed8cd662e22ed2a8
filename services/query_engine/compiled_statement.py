"""SQL for the driver: statements compiled to text once, and the parameters that every one of them knows."""

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
# The reader fills these in; k… are a cursor's values, v… a condition's operands.
_LITERAL_EXECUTE = re.compile(r"user_id|keys|ids|limit|budget|words|search|[kv]\d+")


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """SQL for the driver, and the parameters that are the same every time."""

    text: str
    constants: dict[str, object]


def compile_statement(statement: SqlQuery) -> CompiledStatement:
    """Compile a statement."""
    result = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in result.params.items() if not _LITERAL_EXECUTE.fullmatch(name)}
    return CompiledStatement(str(result), constants)


def user_id_param() -> SqlExpression:
    """Return the parameter that says whose rows."""
    return bindparam("user_id", type_=Text)


def parent_keys_table() -> FromClause:
    """Return the keys of all parents as a table: (key, place), the first place being 1."""
    keys = cast(bindparam("keys", type_=Text), ARRAY(Uuid(as_uuid=False)))
    key = column("key", Uuid(as_uuid=False))
    return func.unnest(keys).table_valued(key, with_ordinality="place", name="parent").render_derived()


def ids_param(kind: TypeEngine[object]) -> SqlExpression:
    """Return the parameter that holds the ids of the rows asked for; accounts' ids are text, all others UUIDs."""
    return cast(bindparam("ids", type_=Text), ARRAY(Uuid(as_uuid=False) if isinstance(kind, Uuid) else Text()))


def tsquery_param() -> SqlExpression:
    """Return the query that full-text search looks for."""
    return func.to_tsquery(literal_column("'simple'"), bindparam("words", type_=Text))


def search_text_param() -> SqlExpression:
    """Return the text that is searched for, as the caller wrote it."""
    return cast(bindparam("search", type_=Text), Text)
