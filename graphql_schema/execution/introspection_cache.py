"""Cache of serialized introspection results, which depend on the operation only.

Tools send the standard introspection query in several variants; each is executed once.
"""

from threading import Lock

import orjson
from cachetools import LRUCache

from graphql_schema.documents.compiled_operation import CompiledOperation, OperationKey

MAX_CACHED_BYTES = 4_000_000  # the standard introspection query returns about 130,000


class IntrospectionCache:
    """Cache of limited size. Thread-safe."""

    def __init__(self) -> None:
        self._results: LRUCache[OperationKey, bytes] = LRUCache(MAX_CACHED_BYTES, getsizeof=len)
        self._lock = Lock()

    def find(self, operation: CompiledOperation) -> orjson.Fragment | None:
        """Return the serialized result of an introspection that was executed before, or None."""
        if not operation.is_introspection or operation.key is None:
            return None
        with self._lock:
            result = self._results.get(operation.key)
        return None if result is None else orjson.Fragment(result)

    def store(self, operation: CompiledOperation, data: object) -> None:
        """Serialize and cache the result if the operation is an introspection."""
        if not operation.is_introspection or operation.key is None:
            return
        result = orjson.dumps(data)
        if len(result) <= MAX_CACHED_BYTES:
            with self._lock:
                self._results[operation.key] = result
