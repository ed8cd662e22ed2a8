"""Response schemas of entities, generated from the entity registry."""

from collections.abc import Callable
from typing import Any, ForwardRef, TypeVar

from pydantic import BaseModel, Field, create_model

from services.query_engine.entity_registry import ENTITIES
from services.query_engine.entity_types import ColumnSpec, Entity, Relation, ToOne

Schema = TypeVar("Schema", bound=BaseModel)


def entity_schema(entity: Entity, **example: object) -> Callable[[type[Schema]], type[Schema]]:
    """Return a decorator that adds the entity's columns and relations to a response schema.

    `example` overrides values of the entity's example.
    """
    fields: dict[str, Any] = {name: _column_field(spec) for name, spec in entity.columns.items()}
    fields |= {name: _relation_field(name, relation) for name, relation in entity.relations.items()}
    config = {"extra": "forbid", "json_schema_extra": {"examples": [entity.example | example]}}

    def add_fields(schema: type[Schema]) -> type[Schema]:
        return create_model(
            schema.__name__,
            __base__=schema,
            __doc__=schema.__doc__,
            __module__=schema.__module__,
            __cls_kwargs__=config,
            **fields,
        )

    return add_fields


def _column_field(spec: ColumnSpec) -> tuple[Any, Any]:
    value_type = spec.value_type | None if spec.is_nullable else spec.value_type
    return value_type, Field(description=spec.description)


def _relation_field(name: str, relation: Relation) -> tuple[Any, Any]:
    """Return an optional field. Schemas reference each other, so the target's schema is a forward reference."""
    description = f"Present if requested with `include={name}`."
    target: Any = ForwardRef(ENTITIES[relation.target].type_name)
    if isinstance(relation, ToOne):
        return target | None, Field(default=None, description=description)
    return list[target], Field(default=[], description=description)
