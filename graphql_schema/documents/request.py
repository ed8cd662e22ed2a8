"""GraphQL request parameters (GraphQL over HTTP), parsed and validated independently of the transport."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.errors import InvalidInput

_FIELD_TYPES = (
    ("query", str, "a string"),
    ("documentId", str, "a string"),
    ("variables", dict, "an object"),
    ("operationName", str, "a string"),
    ("extensions", dict, "an object"),
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH_FORMAT = "64 hexadecimal digits in lower case, the SHA-256 of the document"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A request to execute an operation. `query` is empty if the client sends only the `document_hash`."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    include_cost: bool = False
    document_hash: str | None = None


def parse_request(body: object) -> GraphQLRequest:
    """Parse the JSON of a request; unknown fields are ignored. Raises InvalidInput."""
    if not isinstance(body, dict):
        raise InvalidInput.at_pointer("", 'Send an object: {"query": "…", "variables": {…}, "operationName": "…"}.')
    for name, kind, type_name in _FIELD_TYPES:
        value = body.get(name)
        if value is not None and not isinstance(value, kind):
            raise InvalidInput.at_pointer(f"/{name}", f"`{name}` must be {type_name}.")
    extensions = body.get("extensions") or {}
    document_hash = _document_hash(body.get("documentId"), extensions.get("persistedQuery"))
    query = body.get("query") or ""
    if not query or query.isspace():
        if document_hash is None:
            raise InvalidInput.at_pointer("/query", "`query` is required: a GraphQL document, as a string.")
        query = ""
    return GraphQLRequest(
        query, body.get("variables"), body.get("operationName") or None, extensions.get("cost") is True, document_hash
    )


def _document_hash(document_id: str | None, persisted_query: object) -> str | None:
    """Return the hash from `documentId` (a draft of GraphQL over HTTP) or `extensions.persistedQuery` (Apollo), or None."""
    if document_id is None and persisted_query is None:
        return None
    document_hash = _hash_from_id(document_id) if document_id is not None else _hash_from_apollo(persisted_query)
    if persisted_query is not None and _hash_from_apollo(persisted_query) != document_hash:
        raise InvalidInput.at_pointer("/documentId", "`documentId` and `extensions.persistedQuery` have different hashes.")
    return document_hash


def _hash_from_id(document_id: str) -> str:
    prefix, _, digest = document_id.partition(":")
    if prefix != "sha256" or not _SHA256.fullmatch(digest):
        raise InvalidInput.at_pointer("/documentId", f"`documentId` must be `sha256:` followed by {_HASH_FORMAT}.")
    return digest


def _hash_from_apollo(persisted_query: object) -> str:
    pointer = "/extensions/persistedQuery"
    if not isinstance(persisted_query, dict):
        raise InvalidInput.at_pointer(pointer, '`persistedQuery` must be an object: {"version": 1, "sha256Hash": "…"}.')
    if persisted_query.get("version") != 1:
        raise InvalidInput.at_pointer(f"{pointer}/version", "Only version 1 of `persistedQuery` is supported.")
    digest = persisted_query.get("sha256Hash")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise InvalidInput.at_pointer(f"{pointer}/sha256Hash", f"`sha256Hash` must be {_HASH_FORMAT}.")
    return digest
