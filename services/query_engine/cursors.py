"""Keyset cursors: a cursor holds the order keys of a row, so that pages stay correct while rows are created and deleted."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson

from models.schemas.field_types import canonical_id
from services.errors import InvalidInput
from services.query_engine.entity_types import Entity, SortKey, SortKeys
from services.query_engine.query_model import OrderTerm, Search

CursorValue = bool | int | float | str | datetime


@dataclass(frozen=True, slots=True)
class OrderKey:
    """Sort key with its direction in an order."""

    key: SortKey
    descending: bool


_ID = SortKey(lambda source: source.c.id, UUID)
_BY_RELEVANCE = OrderTerm("relevance", descending=True)


def order_keys(entity: Entity, order: tuple[OrderTerm, ...], *, searching: bool) -> tuple[OrderKey, ...]:
    """Return the keys of the order, the id last: it breaks ties, in the direction of the key before it.

    Without an order, search results are sorted by relevance, best first.
    """
    terms = _effective_terms(entity, order, searching=searching)
    keys = [OrderKey(key, term.descending and not key.fixed) for term in terms for key in _sort_keys(entity, term)]
    return (*keys, OrderKey(_ID, keys[-1].descending))


def _effective_terms(entity: Entity, order: tuple[OrderTerm, ...], *, searching: bool) -> tuple[OrderTerm, ...]:
    default = OrderTerm(*entity.default_sort)
    return order or ((_BY_RELEVANCE, default) if searching else (default,))


def _sort_keys(entity: Entity, term: OrderTerm) -> SortKeys:
    if term is _BY_RELEVANCE and entity.search is not None:
        return entity.search.relevance
    return entity.sort_keys[term.sort]


class CursorCodec:
    """Encodes and decodes the cursors of one order. They are opaque to clients, and bound to entity, order, search and user."""

    def __init__(self, user_id: str, entity: Entity, order: tuple[OrderTerm, ...], search: Search | None = None) -> None:
        terms = _effective_terms(entity, order, searching=search is not None)
        scope = [user_id, entity.name, *([term.sort, term.descending] for term in terms)]
        if _BY_RELEVANCE in terms and search is not None:
            scope.append(search.text)
        self._fingerprint = hashlib.blake2b(orjson.dumps(scope), digest_size=6).hexdigest()
        self._kinds = [key.key.kind for key in order_keys(entity, order, searching=search is not None)]

    def encode(self, values: Sequence[object]) -> str:
        """Return the cursor of the row that has these order keys."""
        return base64.urlsafe_b64encode(orjson.dumps([self._fingerprint, *values])).rstrip(b"=").decode()

    def decode(self, cursor: str, pointer: str) -> list[CursorValue]:
        """Return the order keys of the cursor. Raises InvalidInput for anything that `encode` did not return."""
        try:
            fingerprint, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if fingerprint == self._fingerprint:
                return [_check_value(value, kind) for value, kind in zip(values, self._kinds, strict=True)]
        except (ValueError, TypeError, OverflowError, binascii.Error):
            pass
        raise InvalidInput.at_pointer(
            pointer,
            "The cursor does not match this list and sort order. Use a cursor from the same query, or omit it.",
        )


def _check_value(value: object, kind: type[object]) -> CursorValue:
    if kind is datetime or kind is UUID:
        return _parse_text(value, kind)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or not isinstance(value, bool | int | float | str):
        raise TypeError
    if isinstance(value, str) and "\x00" in value:
        raise TypeError
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _parse_text(value: object, kind: type[object]) -> CursorValue:
    if not isinstance(value, str):
        raise TypeError
    if kind is UUID:
        return canonical_id(value)
    timestamp = datetime.fromisoformat(value)
    if timestamp.tzinfo is None:
        raise ValueError
    return timestamp.astimezone(UTC)
