"""Parser of persisted query manifests, in Apollo's format or as Relay's map of hashes to documents."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson

_APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


class ManifestError(Exception):
    """The manifest is invalid; the message is one line with the reason."""


def read_manifest(content: bytes) -> dict[str, str]:
    """Return the documents by their SHA-256 hashes. Raises ManifestError."""
    try:
        manifest = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ManifestError(f"is not JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ManifestError("is neither Apollo's manifest nor a map of hashes to documents")
    documents = dict(_apollo_documents(manifest) if "format" in manifest else manifest.items())
    if not documents:
        raise ManifestError("contains no documents")
    for document_hash, text in documents.items():
        _check_document(document_hash, text)
    return documents


def _apollo_documents(manifest: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for name, value in _APOLLO.items():
        if manifest.get(name) != value:
            raise ManifestError(f"has the {name} {manifest.get(name)!r}; expected {value!r}")
    operations = manifest.get("operations")
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise ManifestError("has no list of `operations`")
    return ((operation.get("id"), operation.get("body")) for operation in operations)


def _check_document(document_hash: object, text: object) -> None:
    if not isinstance(document_hash, str) or not isinstance(text, str):
        raise ManifestError(f"has no document text for {document_hash!r}")
    if sha256(text.encode()).hexdigest() != document_hash:
        raise ManifestError(f"has the hash {document_hash!r}, which is not the SHA-256 of its document")
