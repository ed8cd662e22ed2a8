"""Entity registry: generated types contain every declared column, and hand-written types are compared with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
)
from pydantic import BaseModel
from sqlalchemy import MetaData
from sqlmodel import SQLModel

from api.openapi.entity_schema import entity_schema
from graphql_schema.schema import build_schema
from graphql_schema.selection import TYPE_NAMES
from graphql_schema.types.filter_operators import operators_for
from graphql_schema.types.filters import filter_input
from graphql_schema.types.ordering import order_field_enum
from models.base import Versioned
from models.columns import api_column
from models.comment import CommentCreate, CommentUpdate
from models.credentials import ApiTokenCreate
from models.schemas.input_schemas import InputSchema
from models.tag import TagCreate, TagUpdate
from models.task import TaskCreate, TaskUpdate
from models.task_list import ListCreate, ListUpdate
from models.user import AccountUpdate, Credentials, Registration
from services.errors import InvalidInput
from services.query_engine.case_conversion import to_snake_case
from services.query_engine.entity_registry import COMMENT, ENTITIES, TAG, TASK, TASK_LIST, build_entity
from services.query_engine.entity_types import Entity
from services.query_engine.filter_parser import parse_filter

# Columns that a GraphQL object type leaves out on purpose: the viewer owns every row, and ids of other rows are relations.
NOT_IN_OBJECT_TYPE = {
    "task": {"user_id", "list_id", "parent_id", "tag_ids"},
    "task_list": {"user_id"},
    "tag": {"user_id", "created_at", "updated_at"},
    "comment": {"user_id", "task_id"},
    "account": {"created_at", "updated_at"},
}
# Each GraphQL input, the schema that validates it, and the fields of the schema that it leaves out or adds on purpose.
INPUTS: list[tuple[str, type[InputSchema], set[str], set[str]]] = [
    ("CreateTaskInput", TaskCreate, {"completed"}, set()),
    ("UpdateTaskInput", TaskUpdate, {"completed"}, set()),
    ("CreateListInput", ListCreate, set(), set()),
    ("UpdateListInput", ListUpdate, set(), set()),
    ("CreateTagInput", TagCreate, set(), set()),
    ("UpdateTagInput", TagUpdate, set(), set()),
    ("AddCommentInput", CommentCreate, set(), {"task_id"}),
    ("UpdateCommentInput", CommentUpdate, set(), set()),
    ("RegisterInput", Registration, set(), set()),
    ("LogInInput", Credentials, set(), set()),
    ("UpdateAccountInput", AccountUpdate, set(), set()),
    ("CreateApiTokenInput", ApiTokenCreate, set(), set()),
]
BODIES: list[tuple[Entity, type[InputSchema]]] = [
    (TASK, TaskCreate),
    (TASK, TaskUpdate),
    (TASK_LIST, ListCreate),
    (TASK_LIST, ListUpdate),
    (TAG, TagCreate),
    (TAG, TagUpdate),
    (COMMENT, CommentUpdate),
]
GRAPHQL_TYPES = {UUID: "ID", str: "String", bool: "Boolean", int: "Int", float: "Float", datetime: "DateTime"}

entities = pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)


@pytest.fixture(scope="module")
def types() -> dict[str, Any]:
    """The types of the GraphQL schema by name."""
    return build_schema()._schema.type_map


class Project(Versioned, table=True):
    """A table that follows the recipe "Adding a field" of CONTRIBUTING.md: `note` is the column that was added."""

    metadata = MetaData()  # separate from the tables of the service

    name: str = api_column("Name.", example="Move", sort_key="name", max_length=100)
    note: str | None = api_column("Note, up to 500 characters.", sort_key="note", default=None, max_length=500)
    secret: str | None = None


PROJECT = build_entity(Project, display_name="project", default_sort=("created", False))


@entity_schema(PROJECT)
class ProjectSchema(BaseModel):
    """A project."""


@filter_input(PROJECT, description="Project filter.")
class ProjectFilter:
    """A filter on projects."""


class TestAddedColumn:
    """A column that is declared in its table is part of all generated types."""

    def test_response_schema_contains_the_column(self) -> None:
        schema = ProjectSchema.model_json_schema()

        assert schema["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
        assert schema["properties"]["note"]["description"] == "Note, up to 500 characters."
        assert "note" in schema["required"]
        assert schema["examples"][0].keys() == schema["properties"].keys()

    def test_json_object_contains_the_column_before_the_timestamps(self) -> None:
        assert PROJECT.json_columns == ["id", "user_id", "name", "note", "created_at", "updated_at", "revision"]

    def test_graphql_filter_contains_the_column(self) -> None:
        @strawberry.type
        class Query:
            @strawberry.field
            def projects(self, filter: ProjectFilter) -> int:
                return len(str(filter))

        schema = strawberry.Schema(Query)._schema
        input_type = schema.type_map["ProjectFilter"]
        assert isinstance(input_type, GraphQLInputObjectType)
        fields = input_type.fields

        assert str(fields["note"].type) == "OptionalTextFilter"
        assert fields["note"].description == "Note, up to 500 characters."
        assert "secret" not in fields

    def test_rest_filter_accepts_the_column(self) -> None:
        parse_filter(PROJECT, {"note": {"contains": "x", "is_null": False}})

        with pytest.raises(InvalidInput):
            parse_filter(PROJECT, {"secret": {"eq": "x"}})

    def test_both_apis_sort_by_the_column(self) -> None:
        order = order_field_enum(PROJECT, "ProjectOrderField", "Sort keys.")

        assert [sort_key.value for sort_key in order] == list(PROJECT.sort_keys) == ["created", "updated", "name", "note"]

    def test_sort_by_nullable_column_compares_no_nulls(self) -> None:
        is_null, text = PROJECT.sort_keys["note"]

        assert (is_null.kind, is_null.fixed, str(is_null.expression(PROJECT.table))) == (bool, True, "project.note IS NULL")
        assert (text.kind, text.fixed, str(text.expression(PROJECT.table))) == (str, False, "coalesce(project.note, '')")

    def test_long_text_column_counts_towards_the_response_text_limit(self) -> None:
        assert PROJECT.columns["note"].has_long_text
        assert not PROJECT.columns["user_id"].has_long_text

    def test_undeclared_column_stays_private(self) -> None:
        assert "secret" not in PROJECT.columns
        assert "secret" not in ProjectSchema.model_fields


class TestHandWrittenTypes:
    """GraphQL object types, inputs and request bodies contain every published column, or list it as left out."""

    @entities
    def test_object_type_has_every_column(self, types: dict[str, Any], entity: Entity) -> None:
        object_type = types[TYPE_NAMES[entity.name]]
        assert isinstance(object_type, GraphQLObjectType)
        fields = {to_snake_case(name) for name in object_type.fields} - entity.relations.keys()
        expected = entity.columns.keys() - NOT_IN_OBJECT_TYPE[entity.name]

        assert expected - fields == set(), f"missing in {object_type.name} of graphql_schema/types/objects.py"
        assert fields - expected == set(), f"not published by the table of {entity.name}, or listed in NOT_IN_OBJECT_TYPE"

    @entities
    def test_object_type_has_the_types_of_the_columns(self, types: dict[str, Any], entity: Entity) -> None:
        fields = types[TYPE_NAMES[entity.name]].fields

        for name, field in fields.items():
            if name not in entity.relations:
                column = entity.columns[to_snake_case(name)]
                assert_type(f"{entity.name}.{name}", field.type, UUID if name == "id" else column.value_type)
                assert isinstance(field.type, GraphQLNonNull) is not column.is_nullable, f"{entity.name}.{name}"

    @pytest.mark.parametrize(("input_name", "schema", "left_out", "added"), INPUTS, ids=str)
    def test_input_has_every_field_of_its_schema(
        self, types: dict[str, Any], input_name: str, schema: type[InputSchema], left_out: set[str], added: set[str]
    ) -> None:
        input_type = types[input_name]
        assert isinstance(input_type, GraphQLInputObjectType)
        fields = {to_snake_case(name) for name in input_type.fields}
        expected = schema.model_fields.keys() - left_out | added

        assert expected - fields == set(), f"missing in {input_name} of graphql_schema/types/inputs.py"
        assert fields - expected == set(), f"unknown to {schema.__name__}, or listed in INPUTS as left out"

    @pytest.mark.parametrize(("entity", "schema"), BODIES, ids=lambda value: getattr(value, "__name__", ""))
    def test_body_accepts_every_column_of_a_response(self, entity: Entity, schema: type[InputSchema]) -> None:
        accepted = schema.model_fields.keys() | schema.ignored_fields

        assert entity.columns.keys() - accepted == set(), f"missing in {schema.__name__}, or in its `ignored_fields`"

    @entities
    def test_operator_input_has_the_operators_of_the_column(self, types: dict[str, Any], entity: Entity) -> None:
        for name, spec in entity.filters.items():
            fields = types[operators_for(spec).__name__].fields

            assert {to_snake_case(operator) for operator in fields} == spec.operators, f"{entity.name}.{name}"


def assert_type(where: str, graphql_type: GraphQLOutputType, value_type: Any) -> None:
    """Fail unless the GraphQL type is the one for this Python type."""
    named = get_named_type(graphql_type)
    assert not isinstance(graphql_type, GraphQLList), where
    if isinstance(named, GraphQLEnumType):
        assert {value.value for value in named.values.values()} == set(value_type), where
    else:
        assert named.name == GRAPHQL_TYPES[value_type], where


def test_undeclared_operator_input_is_named_in_the_error() -> None:
    class Sample(SQLModel, table=True):
        metadata = MetaData()
        id: str = api_column("Id.", primary_key=True)
        weight: float | None = api_column("Weight.")

    entity = build_entity(Sample, display_name="sample", default_sort=("id", False))

    with pytest.raises(TypeError, match="No operator input for optional float columns"):
        filter_input(entity, description="Sample filter.")(type("SampleFilter", (), {}))


def test_texts_are_sorted_by_stored_keys() -> None:
    for entity in ENTITIES.values():
        for name, keys in entity.sort_keys.items():
            for key in keys:
                if key.kind is str:
                    assert getattr(key.expression(entity.table).type, "collation", None) == "C", (entity.name, name)
