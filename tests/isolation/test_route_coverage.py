"""Every route and every field is declared in the permission matrix."""

from graphql import GraphQLInterfaceType, GraphQLObjectType

from api.app import create_app
from api.settings import Settings
from tests.support.isolation.permission_matrix import OBJECT_TYPES, REST, ROOTS, SCHEMA


def test_every_route_is_declared() -> None:
    routes = set()
    for route in create_app(Settings.model_construct()).routes:
        path = getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            kind = path.split("/")[3].removesuffix("s") if path.startswith("/api/{user_id}") else path.split("/")[-2][:-1]
            routes.add(
                f"{method} {path.replace('{user_id}', '{user}').replace('{tag_id}', '{tag}').replace('{id}', f'{{{kind}}}')}"
            )

    assert routes == set(REST)


def test_every_root_field_is_declared() -> None:
    root_types = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}
    for kind, root_type in root_types.items():
        assert set(root_type.fields if root_type else ()) == set(ROOTS[kind]), kind


def test_every_field_of_every_object_type_is_declared() -> None:
    roots = {SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type}
    for name, kind in SCHEMA.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and kind not in roots and not name.startswith("__"):
            assert name in OBJECT_TYPES, name
            assert set(kind.fields) == set(OBJECT_TYPES[name].fields.split()), name
