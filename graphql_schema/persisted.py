"""Persisted documents: those that the operator lists, which stay, and those that clients leave (Apollo's APQ), which come and go.

A document is named by the SHA-256 of its text. Whoever runs operations resolves requests here first, so that every way in knows
the same documents, and a document that arrives by its name is remembered like any other.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from threading import Lock

from cachetools import LRUCache

from graphql_schema.repertoire import OperationCache
from graphql_schema.requests import GraphRequest
from services.errors import Forbidden, InvalidInput, TodoError

# Of what clients leave. Texts are small beside what is remembered of them, and a client sends again what was dropped.
KEPT = 2_000_000  # characters
_LEAST = 500  # characters that anything counts for


class PersistedQueryNotFound(TodoError):
    """The document is not known by this name. Clients know the error by its message, and send the document then."""

    code, status, title = "PERSISTED_QUERY_NOT_FOUND", 404, "Persisted query not found"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class UnusableListError(Exception):
    """A listed document could not be run: which, and why."""


class PersistedDocuments:
    """The documents by their digests. Where `only` is set, no others are run, and clients leave none."""

    def __init__(self, cache: OperationCache, listed: Mapping[str, str], *, only: bool) -> None:
        """Raise UnusableListError where a listed document is not valid."""
        for digest, text in listed.items():
            if errors := cache.document(text).errors:
                raise UnusableListError(f"lists a document that is not valid: {digest}: {errors[0].message}")
        self._cache = cache
        self._listed = dict(listed)
        self._allowed = frozenset(listed.values()) if only else None
        self.left: LRUCache[str, str] = LRUCache(KEPT, getsizeof=lambda text: len(text) + _LEAST)
        self._lock = Lock()

    def resolved(self, request: GraphRequest) -> GraphRequest:
        """Return the request with its document. Raises PersistedQueryNotFound, Forbidden, InvalidInput."""
        if request.digest is None and self._allowed is None:
            return request
        if request.digest is not None and request.query:
            _check_digest(request.query, request.digest)
        text = request.query or self._known(request.digest)
        if self._allowed is not None and text not in self._allowed:
            raise Forbidden("Only listed documents are run here, and this is none of them.")
        if text is None:
            raise PersistedQueryNotFound
        if not request.query:
            return replace(request, query=text)
        if request.digest is not None:
            self._keep(request.digest, text)
        return request

    def _known(self, digest: str | None) -> str | None:
        if digest is None:
            return None
        with self._lock:
            return self._listed.get(digest) or self.left.get(digest)

    def _keep(self, digest: str, text: str) -> None:
        """Keep what may be run; where only listed documents are run, it is listed already."""
        if digest not in self._listed and not self._cache.document(text).errors:
            with self._lock:
                self.left[digest] = text


def _check_digest(text: str, digest: str) -> None:
    if sha256(text.encode()).hexdigest() != digest:
        raise InvalidInput.at_pointer("", "The hash that was sent is not the SHA-256 of the document that was sent.")
