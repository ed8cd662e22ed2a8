"""Descriptions in the GraphQL schema."""

from collections.abc import Iterator

from graphql import (
    GraphQLNamedType,
    GraphQLScalarType,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from tests.support.isolation.permission_matrix import SCHEMA


def own_types() -> Iterator[GraphQLNamedType]:
    """Yield the types that GraphQL does not define."""
    for type_ in SCHEMA.type_map.values():
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_):
            yield type_


def test_every_type_field_input_field_and_argument_has_a_description() -> None:
    undescribed = [type_.name for type_ in own_types() if not type_.description]
    for type_ in own_types():
        for name, field in getattr(type_, "fields", {}).items():
            arguments = getattr(field, "args", {}).items()
            undescribed += [] if field.description else [f"{type_.name}.{name}"]
            undescribed += [f"{type_.name}.{name}({argument}:)" for argument, value in arguments if not value.description]
    for directive in SCHEMA.directives:
        undescribed += [] if is_specified_directive(directive) or directive.description else [f"@{directive.name}"]

    assert undescribed == []


def test_descriptions_are_sentences() -> None:
    described = [(type_.name, type_.description) for type_ in own_types()]
    for type_ in own_types():
        for name, field in getattr(type_, "fields", {}).items():
            described.append((f"{type_.name}.{name}", field.description))
            described += [
                (f"{type_.name}.{name}({arg}:)", value.description) for arg, value in getattr(field, "args", {}).items()
            ]

    assert [where for where, text in described if not (text or "").endswith((".", "…", "`."))] == []


def test_every_scalar_links_to_its_specification() -> None:
    scalars = [type_ for type_ in own_types() if isinstance(type_, GraphQLScalarType)]

    assert scalars
    assert [scalar.name for scalar in scalars if not (scalar.specified_by_url or "").startswith("https://")] == []
