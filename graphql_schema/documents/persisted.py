"""Persisted documents: those that the operator lists, which stay, and those that clients leave (Apollo's APQ), which come and go.

A document is named by the SHA-256 of its text. Whoever runs operations resolves requests here first, so that every way in knows
the same documents, and a document that arrives by its name is remembered like any other.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from threading import Lock

from cachetools import LRUCache

from graphql_schema.documents.operation_cache import OperationCache
from graphql_schema.documents.request import GraphQLRequest
from services.errors import Forbidden, InvalidInput, TodoError

# Of what clients leave. Texts are small beside what is remembered of them, and a client sends again what was dropped.
MAX_REGISTERED_CHARACTERS = 2_000_000  # characters
_MIN_ENTRY_SIZE = 500  # characters that anything counts for


class PersistedQueryNotFound(TodoError):
    """The document is not known by this name. Clients know the error by its message, and send the document then."""

    code, status, title = "PERSISTED_QUERY_NOT_FOUND", 404, "Persisted query not found"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class InvalidAllowListError(Exception):
    """A listed document could not be run: which, and why."""


class PersistedDocuments:
    """The documents by their digests. Where `only` is set, no others are run, and clients leave none."""

    def __init__(self, cache: OperationCache, allow_list: Mapping[str, str], *, allow_list_only: bool) -> None:
        """Raise UnusableListError where a listed document is not valid."""
        for digest, text in allow_list.items():
            if errors := cache.document(text).errors:
                raise InvalidAllowListError(f"lists a document that is not valid: {digest}: {errors[0].message}")
        self._cache = cache
        self._allow_list = dict(allow_list)
        self._allowed = frozenset(allow_list.values()) if allow_list_only else None
        self.registered: LRUCache[str, str] = LRUCache(
            MAX_REGISTERED_CHARACTERS, getsizeof=lambda text: len(text) + _MIN_ENTRY_SIZE
        )
        self._lock = Lock()

    def resolve(self, request: GraphQLRequest) -> GraphQLRequest:
        """Return the request with its document. Raises PersistedQueryNotFound, Forbidden, InvalidInput."""
        if request.document_hash is None and self._allowed is None:
            return request
        if request.document_hash is not None and request.query:
            _check_digest(request.query, request.document_hash)
        text = request.query or self._lookup(request.document_hash)
        if self._allowed is not None and text not in self._allowed:
            raise Forbidden("Only listed documents are run here, and this is none of them.")
        if text is None:
            raise PersistedQueryNotFound
        if not request.query:
            return replace(request, query=text)
        if request.document_hash is not None:
            self._register(request.document_hash, text)
        return request

    def _lookup(self, digest: str | None) -> str | None:
        if digest is None:
            return None
        with self._lock:
            return self._allow_list.get(digest) or self.registered.get(digest)

    def _register(self, digest: str, text: str) -> None:
        """Keep what may be run; where only listed documents are run, it is listed already."""
        if digest not in self._allow_list and not self._cache.document(text).errors:
            with self._lock:
                self.registered[digest] = text


def _check_digest(text: str, digest: str) -> None:
    if sha256(text.encode()).hexdigest() != digest:
        raise InvalidInput.at_pointer("", "The hash that was sent is not the SHA-256 of the document that was sent.")
