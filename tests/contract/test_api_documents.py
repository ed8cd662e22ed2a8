"""The committed OpenAPI and GraphQL documents match the service; `make contract` updates them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from graphql import GraphQLObjectType
from pydantic import TypeAdapter, ValidationError

from api.app import create_app
from api.settings import Settings
from graphql_schema.schema import build_schema
from graphql_schema.selection import TYPE_NAMES
from models.schemas.field_types import Title
from models.schemas.visible_text import has_visible_character
from services.errors import TodoError
from services.query_engine.case_conversion import to_snake_case
from services.query_engine.entity_registry import ENTITIES
from tests.support.api_clients import TLS
from tests.support.service import RunningService

DOCS = Path(__file__).parents[2] / "docs"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    """The OpenAPI document, as served."""
    return create_app(Settings.model_construct()).openapi()


def test_committed_graphql_schema_is_current() -> None:
    assert (DOCS / "schema.graphql").read_text() == build_schema().as_str() + "\n"


def test_committed_openapi_document_is_current(openapi: dict[str, Any]) -> None:
    assert json.loads((DOCS / "openapi.json").read_text()) == openapi


def test_required_task_routes_exist(openapi: dict[str, Any]) -> None:
    paths = openapi["paths"]

    assert {"get", "post"} <= paths["/api/{user_id}/tasks"].keys()
    assert {"get", "put", "delete"} <= paths["/api/{user_id}/tasks/{id}"].keys()
    assert "patch" in paths["/api/{user_id}/tasks/{id}/complete"]


def test_every_operation_declares_description_and_errors(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1")
    shared = openapi["components"]["responses"]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            assert operation["operationId"], path
            assert operation["description"], path
            declared = set(operation["responses"])
            expected = {"400", "408", "422", "429", "431", "500", "503"}
            if "{user_id}" in path:
                expected |= {"401", "403"}
            if "{id}" in path:
                expected |= {"404"}
            if "requestBody" in operation:
                expected |= {"413", "415"}
            assert expected <= declared, (method, path)
            for code, declaration in operation["responses"].items():
                response = shared[declaration["$ref"].rpartition("/")[2]] if "$ref" in declaration else declaration
                assert {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys(), (method, path, code)
                assert ("Retry-After" in response["headers"]) == (code in {"429", "503"}), (method, path, code)
                if int(code) >= 400:
                    assert declaration.keys() == {"$ref"}, (method, path, code)
                    assert list(response["content"]) == ["application/problem+json"], (method, path, code)


def test_openapi_schemas_accept_everything_the_service_accepts(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    (written, _null) = schemas["ListCreate"]["properties"]["color"]["anyOf"]

    assert all(re.search(written["pattern"], color) for color in ("", " #fff ", "teal"))
    assert not re.search(written["pattern"], "#ggg")
    assert "uniqueItems" not in schemas["ApiTokenCreate"]["properties"]["scopes"]
    assert {} in openapi["paths"]["/api/auth/logout"]["post"]["security"]


def test_form_fields_are_not_nullable_and_required_ones_not_empty(openapi: dict[str, Any]) -> None:
    form = openapi["components"]["schemas"]["Body_logIn"]

    assert {field["type"] for field in form["properties"].values()} == {"string"}
    assert {name for name, field in form["properties"].items() if field.get("minLength")} == set(form["required"])


def test_every_graphql_type_and_field_has_a_description() -> None:
    for kind in build_schema()._schema.type_map.values():
        if kind.name.startswith("__") or kind.name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        assert kind.description, kind.name
        for name, field in getattr(kind, "fields", {}).items():
            assert field.description, f"{kind.name}.{name}"


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)
def test_every_graphql_field_is_known_to_the_query_engine(entity: Any) -> None:
    object_type = build_schema()._schema.type_map[TYPE_NAMES[entity.name]]

    assert isinstance(object_type, GraphQLObjectType)
    for name in object_type.fields:
        assert name in entity.relations or to_snake_case(name) in entity.columns, f"{entity.name}.{name}"
    assert set(entity.relations) <= set(object_type.fields)


def test_served_openapi_document_matches_the_generated_one(service: RunningService, openapi: dict[str, Any]) -> None:
    assert httpx.get(f"{service.url}/openapi.json", verify=TLS).json() == openapi


def test_blank_text_is_rejected_by_schema_and_service_alike() -> None:
    title = TypeAdapter(Title)
    document = jsonschema_rs.validator_for(title.json_schema())
    whitespace = [chr(code) for code in range(1, 0x110000) if chr(code).isspace()]
    assert "\u0085" in whitespace

    invisible = [chr(code) for code in range(1, 0x10000) if not has_visible_character(chr(code))]
    for text in [*whitespace, *invisible, "x", " x "]:
        try:
            title.validate_python(text)
            accepted = True
        except ValidationError:
            accepted = False
        assert document.is_valid(text) is accepted, repr(text)


def operations(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_optional_fields_have_no_default(openapi: dict[str, Any]) -> None:
    """Generators declare a field with a default as always present."""
    schemas = openapi["components"]["schemas"]
    fields = [(name, field, schema) for name, item in schemas.items() for field, schema in item.get("properties", {}).items()]

    assert [(name, field) for name, field, schema in fields if "default" in schema] == []
    assert "Default: 90." in schemas["ApiTokenCreate"]["properties"]["expires_in_days"]["description"]


def test_error_code_is_an_enum_of_all_codes(openapi: dict[str, Any]) -> None:
    def subclasses(error: type[TodoError]) -> Iterator[type[TodoError]]:
        for subclass in error.__subclasses__():
            yield subclass
            yield from subclasses(subclass)

    graphql = ("graphql_schema.", "api.graphql.", "tests.")
    codes = {error.code for error in subclasses(TodoError) if not error.__module__.startswith(graphql)}

    assert set(openapi["components"]["schemas"]["ErrorCode"]["enum"]) == codes
    assert openapi["components"]["schemas"]["Problem"]["properties"]["error_code"] == {"$ref": "#/components/schemas/ErrorCode"}


def test_operations_have_unique_titles(openapi: dict[str, Any]) -> None:
    titles = [operation["summary"] for _, operation in operations(openapi)]

    assert sorted(titles) == sorted(set(titles))


def test_every_operation_declares_its_security(openapi: dict[str, Any]) -> None:
    user: list[dict[str, list[str]]] = [{"OAuth2PasswordBearer": []}, {"BearerToken": []}]
    public = {name for name, operation in operations(openapi) if operation["security"] == []}

    assert public == {
        "POST /api/auth/register",
        "POST /api/auth/login",
        "POST /api/auth/refresh",
        "GET /",
        "GET /health",
        "GET /ready",
    }
    assert all(operation["security"] in (user, [*user, {}]) for name, operation in operations(openapi) if name not in public)
    assert openapi["components"]["securitySchemes"]["BearerToken"]["scheme"] == "bearer"


def test_authentication_comes_first_and_every_tag_is_described(openapi: dict[str, Any]) -> None:
    tags = [tag["name"] for tag in openapi["tags"]]

    assert tags[0] == "Authentication"
    assert set(tags) == {tag for _, operation in operations(openapi) for tag in operation["tags"]}


def test_user_id_has_the_example_me(openapi: dict[str, Any]) -> None:
    parameters = [parameter for _, operation in operations(openapi) for parameter in operation.get("parameters", [])]

    assert {parameter["example"] for parameter in parameters if parameter["name"] == "user_id"} == {"me"}


def test_examples_are_complete_and_valid(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    request_schemas = {f"#/components/schemas/{name}" for name, schema in schemas.items() if schema.get("type") == "object"}
    checked = set()

    def check(reference: str, example: Any) -> None:
        checked.add(reference)
        document = {"$ref": reference, "components": {"schemas": schemas}}
        jsonschema_rs.validate(document, example)

    for name, schema in schemas.items():
        for example in schema.get("examples", []):
            check(f"#/components/schemas/{name}", example)
    for response in openapi["components"]["responses"].values():
        check("#/components/schemas/Problem", response["content"]["application/problem+json"]["example"])
    for _, operation in operations(openapi):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for example in content.get("examples", {}).values():
                references = [content["schema"], *content["schema"].get("anyOf", [])]
                check(next(item["$ref"] for item in references if "$ref" in item), example["value"])

    assert checked == request_schemas
