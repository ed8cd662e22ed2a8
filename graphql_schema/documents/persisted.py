"""Persisted documents: the operator's allow list, and automatic persisted queries (APQ) that clients register.

A document is identified by the SHA-256 of its text. The executor resolves each request here first, so all transports share the
same documents.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from threading import Lock

from cachetools import LRUCache

from graphql_schema.documents.operation_cache import OperationCache
from graphql_schema.documents.request import GraphQLRequest
from services.errors import Forbidden, InvalidInput, TodoError

# Limit for automatic persisted queries; clients send an evicted document again.
MAX_REGISTERED_CHARACTERS = 2_000_000
_MIN_ENTRY_SIZE = 500  # characters; the smallest size at which a document is counted


class PersistedQueryNotFound(TodoError):
    """No document is registered for the hash. Clients recognise the error by its message and then send the document."""

    code, status, title = "PERSISTED_QUERY_NOT_FOUND", 404, "Persisted query not found"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class InvalidAllowListError(Exception):
    """The allow list contains an invalid document; the message names the document and the error."""


class PersistedDocuments:
    """Registry of documents by their hashes. With `allow_list_only`, other documents are rejected and none can be registered."""

    def __init__(self, cache: OperationCache, allow_list: Mapping[str, str], *, allow_list_only: bool) -> None:
        """Create the registry. Raises InvalidAllowListError if a document of the allow list is invalid."""
        for document_hash, text in allow_list.items():
            if errors := cache.document(text).errors:
                raise InvalidAllowListError(f"lists an invalid document, {document_hash}: {errors[0].message}")
        self._allow_list = dict(allow_list)
        self._allowed = frozenset(allow_list.values()) if allow_list_only else None
        self.registered: LRUCache[str, str] = LRUCache(
            MAX_REGISTERED_CHARACTERS, getsizeof=lambda text: len(text) + _MIN_ENTRY_SIZE
        )
        self._lock = Lock()

    def resolve(self, request: GraphQLRequest) -> GraphQLRequest:
        """Return the request with the text of its document. Raises PersistedQueryNotFound, Forbidden, InvalidInput."""
        if request.document_hash is None and self._allowed is None:
            return request
        if request.document_hash is not None and request.query:
            _check_hash(request.query, request.document_hash)
        text = request.query or self._lookup(request.document_hash)
        if self._allowed is not None and text not in self._allowed:
            raise Forbidden("Only allow-listed documents may be executed.")
        if text is None:
            raise PersistedQueryNotFound
        return request if request.query else replace(request, query=text)

    def register(self, request: GraphQLRequest) -> None:
        """Register the valid document of a resolved request for automatic persisted queries, unless it is in the allow list."""
        if request.document_hash is not None and request.document_hash not in self._allow_list:
            with self._lock:
                self.registered[request.document_hash] = request.query

    def _lookup(self, document_hash: str | None) -> str | None:
        if document_hash is None:
            return None
        with self._lock:
            return self._allow_list.get(document_hash) or self.registered.get(document_hash)


def _check_hash(text: str, document_hash: str) -> None:
    if sha256(text.encode()).hexdigest() != document_hash:
        raise InvalidInput.at_pointer("", "The hash does not match the SHA-256 of the document.")
