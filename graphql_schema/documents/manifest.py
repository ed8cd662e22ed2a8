"""Lists of documents, as the build tools of clients write them: Apollo's manifest, or Relay's map of hashes to documents."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson

_APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


class ManifestError(Exception):
    """What is wrong with a list of documents, in one line."""


def read_manifest(written: bytes) -> dict[str, str]:
    """Return the documents by the SHA-256 of their texts. Raises ManifestError."""
    try:
        tree = orjson.loads(written)
    except orjson.JSONDecodeError as error:
        raise ManifestError(f"is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ManifestError("is neither Apollo's manifest nor a map of hashes to documents")
    documents = dict(_apollo(tree) if "format" in tree else tree.items())
    if not documents:
        raise ManifestError("lists no document")
    for digest, text in documents.items():
        _check(digest, text)
    return documents


def _apollo(tree: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for name, value in _APOLLO.items():
        if tree.get(name) != value:
            raise ManifestError(f"has the {name} {tree.get(name)!r}; {value!r} is known here")
    operations = tree.get("operations")
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise ManifestError("has no list of operations")
    return ((operation.get("id"), operation.get("body")) for operation in operations)


def _check(digest: object, text: object) -> None:
    if not isinstance(digest, str) or not isinstance(text, str):
        raise ManifestError(f"gives {digest!r} no text: each hash has its document")
    if sha256(text.encode()).hexdigest() != digest:
        raise ManifestError(f"calls a document {digest!r}, which is not the SHA-256 of its text")
