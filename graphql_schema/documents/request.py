"""What clients ask: the members of a GraphQL request, checked for their shapes, whatever they came by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.errors import InvalidInput

_SHAPES = (
    ("query", str, "a text"),
    ("documentId", str, "a text"),
    ("variables", dict, "an object"),
    ("operationName", str, "a text"),
    ("extensions", dict, "an object"),
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOW_TO_NAME = "64 hexadecimal digits in lower case, the SHA-256 of the document"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client sends, in whichever way. `query` is empty where the document is only named, by its `digest`."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    include_cost: bool = False
    document_hash: str | None = None


def parse_request(given: object) -> GraphQLRequest:
    """Return a client's JSON as a request. Members that nobody knows are passed over. Raises InvalidInput."""
    if not isinstance(given, dict):
        raise InvalidInput.at_pointer("", 'Send an object: {"query": "…", "variables": {…}, "operationName": "…"}.')
    for name, kind, called in _SHAPES:
        value = given.get(name)
        if value is not None and not isinstance(value, kind):
            raise InvalidInput.at_pointer(f"/{name}", f"`{name}` is {called}.")
    extensions = given.get("extensions") or {}
    digest = _digest(given.get("documentId"), extensions.get("persistedQuery"))
    query = given.get("query") or ""
    if not query or query.isspace():
        if digest is None:
            raise InvalidInput.at_pointer("/query", "`query` is missing: a GraphQL document, as text.")
        query = ""
    return GraphQLRequest(
        query, given.get("variables"), given.get("operationName") or None, extensions.get("cost") is True, digest
    )


def _digest(document_id: str | None, persisted: object) -> str | None:
    """Return how the document is named: as a draft for GraphQL over HTTP does it, or as Apollo's clients do."""
    if document_id is None and persisted is None:
        return None
    named = _from_id(document_id) if document_id is not None else _from_apollo(persisted)
    if persisted is not None and _from_apollo(persisted) != named:
        raise InvalidInput.at_pointer("/documentId", "`documentId` and `extensions.persistedQuery` name two different documents.")
    return named


def _from_id(document_id: str) -> str:
    prefix, _, digest = document_id.partition(":")
    if prefix != "sha256" or not _SHA256.fullmatch(digest):
        raise InvalidInput.at_pointer("/documentId", f"`documentId` is `sha256:` and {_HOW_TO_NAME}.")
    return digest


def _from_apollo(persisted: object) -> str:
    where = "/extensions/persistedQuery"
    if not isinstance(persisted, dict):
        raise InvalidInput.at_pointer(where, '`persistedQuery` is an object: {"version": 1, "sha256Hash": "…"}.')
    if persisted.get("version") != 1:
        raise InvalidInput.at_pointer(f"{where}/version", "Only version 1 of `persistedQuery` is known.")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise InvalidInput.at_pointer(f"{where}/sha256Hash", f"`sha256Hash` is {_HOW_TO_NAME}.")
    return digest
