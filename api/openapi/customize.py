"""Customisation of the OpenAPI document that FastAPI generates."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi import FastAPI

from api.openapi.examples import complete_examples
from api.openapi.responses import ALWAYS, COMPONENTS, NAMES
from api.openapi.schemas import Problem
from api.openapi.security import complete_security

Document = dict[str, Any]

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
# In the order of Swagger UI: a new user logs in first.
_TAGS = {
    "Authentication": "Register, log in, and manage the account.",
    "Tasks": "Tasks and subtasks.",
    "Lists": "Lists of tasks.",
    "Tags": "Tags of tasks.",
    "Comments": "Comments on tasks.",
    "Sessions": "Login sessions, one for each device.",
    "API tokens": "Tokens for programs, with scopes and an expiry.",
    "Service": "Information and health, without authentication.",
}
_DECLARED_INLINE = ("200", "201", "204", "304")
_RATE_LIMIT_HEADERS = {
    "RateLimit": {
        "schema": {"type": "string", "examples": ['"requests";r=1199;t=60']},
        "description": "Remaining quota of each policy that this request consumed, and seconds until it is restored.",
    },
    "RateLimit-Policy": {
        "schema": {"type": "string", "examples": ['"requests";q=1200;w=60, "cost";q=20000000;w=60']},
        "description": "The quota policies that apply to this request, and their windows in seconds.",
    },
}


def customize_openapi(app: FastAPI) -> None:
    """Change the method of the app that generates the OpenAPI document, which is generated once."""
    generate = app.openapi

    @cache
    def openapi() -> Document:
        document = generate()
        drop_null_from_parameters(document)
        share_error_responses(document)
        add_rate_limit_headers(document)
        _add_problem_schema(document)
        drop_defaults(document)
        complete_security(document)
        complete_examples(document)
        describe_put(document)
        document["tags"] = [{"name": name, "description": description} for name, description in _TAGS.items()]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def share_error_responses(document: Document) -> None:
    """Declare each error response once, under `components.responses`, and reference it from the operations."""
    document["components"]["responses"] = {NAMES[code]: COMPONENTS[code] for code in sorted(COMPONENTS)}
    for operation in _operations(document):
        responses = {code: operation["responses"][code] for code in operation["responses"] if code in _DECLARED_INLINE}
        declared = {int(code) for code in operation["responses"] if code not in _DECLARED_INLINE}
        references = {str(code): {"$ref": f"#/components/responses/{NAMES[code]}"} for code in sorted(declared | set(ALWAYS))}
        operation["responses"] = responses | references


def add_rate_limit_headers(document: Document) -> None:
    """Declare the rate limit headers, which every response has."""
    components = document["components"]
    components["headers"] = _RATE_LIMIT_HEADERS
    references = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_LIMIT_HEADERS}
    inline = [response for operation in _operations(document) for response in operation["responses"].values()]
    for response in [*components["responses"].values(), *(response for response in inline if "$ref" not in response)]:
        response["headers"] = {**response.get("headers", {}), **references}


def drop_null_from_parameters(document: Document) -> None:
    """Declare that parameters and form fields are not null, and that required form fields are not empty.

    A parameter or form field is present or absent, and an empty form field counts as absent; pydantic declares optional ones as
    nullable.
    """
    operations = list(_operations(document))
    for parameter in [parameter for operation in operations for parameter in operation.get("parameters", [])]:
        _drop_null(parameter["schema"])
    bodies = [operation["requestBody"]["content"] for operation in operations if "requestBody" in operation]
    for reference in [body[FORM_MEDIA_TYPE]["schema"]["$ref"] for body in bodies if FORM_MEDIA_TYPE in body]:
        form = document["components"]["schemas"][reference.rpartition("/")[2]]
        for field in form["properties"].values():
            _drop_null(field)
        for name in form["required"]:
            form["properties"][name].setdefault("minLength", 1)


def drop_defaults(document: Document) -> None:
    """Move the defaults of fields to their descriptions.

    Generators declare a field with a default as always present. In responses such fields are absent, and in requests they would
    become compulsory.
    """
    for schema in document["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            default = field.pop("default", None)
            if default:
                field["description"] = f"{field.get('description', '')} Default: {default}.".lstrip()


def describe_put(document: Document) -> None:
    """Give PUT a title and a description of its own; it shares its handler with PATCH."""
    for methods in document["paths"].values():
        if {"put", "patch"} <= methods.keys():
            title = methods["patch"]["summary"].removeprefix("Update ")
            methods["put"]["summary"] = f"Save {title}"
            methods["put"]["description"] = (
                f"Save a {title.lower()} as GET returned it, with changes. Read-only fields are ignored. As with PATCH, absent "
                "fields do not change."
            )


def _add_problem_schema(document: Document) -> None:
    """Add the schema of errors, which FastAPI omits because no route declares it; remove the schemas of FastAPI's errors."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document["components"]["schemas"]
    schemas |= schema.pop("$defs", {})
    schemas["Problem"] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _operations(document: Document) -> Iterator[dict[str, Any]]:
    return (operation for methods in document["paths"].values() for operation in methods.values())


def _drop_null(schema: dict[str, Any]) -> None:
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    schema |= {"anyOf": choices} if len(choices) > 1 else dict(*choices)
