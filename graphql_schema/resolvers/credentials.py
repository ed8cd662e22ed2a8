"""Serialization of login sessions and API tokens as GraphQL objects; the services read them without the query engine."""

from collections.abc import Callable, Sequence

from graphql_schema.documents.compiled_operation import Reader
from graphql_schema.lookahead import SelectedField
from models.scopes import Scope
from services.json_types import JsonObject
from services.query_engine.case_conversion import to_snake_case
from services.unit_of_work import ReadTransaction


def credential_serializer(field: SelectedField) -> Callable[[JsonObject], JsonObject]:
    """Return a function from a session or API token to its selected fields, under their response keys."""
    type_name = field.type.name
    columns = [(child.key, to_snake_case(child.name)) for child in field.children()]

    def serialize(credential: JsonObject) -> JsonObject:
        values: JsonObject = {**credential, "__typename": type_name}
        if isinstance(scopes := credential.get("scopes"), list):
            values["scopes"] = [Scope(scope).name for scope in scopes]
        return {key: values[column] for key, column in columns}

    return serialize


def credentials_reader(field: SelectedField, list_credentials: Callable[[ReadTransaction], Sequence[JsonObject]]) -> Reader:
    """Return the reader of a list of credentials."""
    serialize = credential_serializer(field)
    return lambda transaction, _: [serialize(credential) for credential in list_credentials(transaction)]
