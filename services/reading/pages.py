"""Keyset cursors: a cursor is the place of one row in one order, so that pages stay right while rows come and go."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson

from models.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from services.errors import InvalidInput
from services.reading.entity_types import Entity, SortKey, SortKeys
from services.reading.selection import Order, Search

DEFAULT_PAGE = DEFAULT_PAGE_SIZE
MAX_PAGE = MAX_PAGE_SIZE

CursorValue = bool | int | float | str | datetime


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A key as this order uses it."""

    key: SortKey
    descending: bool


_ID = SortKey(lambda source: source.c.id, UUID)
_BEST_FIRST = Order("relevance", descending=True)


def order_keys(entity: Entity, order: tuple[Order, ...], *, searching: bool) -> tuple[OrderKey, ...]:
    """Return the keys of the order, the id last: it decides among equals, in the direction of the key before it.

    Where no order is given, what a search found comes best first.
    """
    terms = _terms(entity, order, searching=searching)
    keys = [OrderKey(key, term.descending and not key.fixed) for term in terms for key in _sort(entity, term)]
    return (*keys, OrderKey(_ID, keys[-1].descending))


def _terms(entity: Entity, order: tuple[Order, ...], *, searching: bool) -> tuple[Order, ...]:
    default = Order(*entity.default_sort)
    return order or ((_BEST_FIRST, default) if searching else (default,))


def _sort(entity: Entity, term: Order) -> SortKeys:
    if term is _BEST_FIRST and entity.search is not None:
        return entity.search.relevance
    return entity.sort_keys[term.sort]


class Cursors:
    """Writes and reads the cursors of one order, for one user. Opaque to clients; bound to entity, order, search and user."""

    def __init__(self, user_id: str, entity: Entity, order: tuple[Order, ...], search: Search | None = None) -> None:
        terms = _terms(entity, order, searching=search is not None)
        about = [user_id, entity.name, *([term.sort, term.descending] for term in terms)]
        if _BEST_FIRST in terms and search is not None:
            about.append(search.text)
        self._mark = hashlib.blake2b(orjson.dumps(about), digest_size=6).hexdigest()
        self._kinds = [key.key.kind for key in order_keys(entity, order, searching=search is not None)]

    def write(self, values: Sequence[object]) -> str:
        """Return the cursor of the row that has these order keys."""
        return base64.urlsafe_b64encode(orjson.dumps([self._mark, *values])).rstrip(b"=").decode()

    def read(self, cursor: str, pointer: str) -> list[CursorValue]:
        """Return the order keys that the cursor holds. Raises InvalidInput for anything that `write` did not make."""
        try:
            mark, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if mark == self._mark:
                return [_checked(value, kind) for value, kind in zip(values, self._kinds, strict=True)]
        except (ValueError, TypeError, OverflowError, binascii.Error):
            pass
        raise InvalidInput.at_pointer(
            pointer,
            "This cursor is not of this list in this order: take it from a page with the same sort, or begin without.",
        )


def _checked(value: object, kind: type[object]) -> CursorValue:
    if kind is datetime or kind is UUID:
        return _parsed(value, kind)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or not isinstance(value, bool | int | float | str):
        raise TypeError
    if isinstance(value, str) and "\x00" in value:
        raise TypeError
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _parsed(value: object, kind: type[object]) -> CursorValue:
    if not isinstance(value, str):
        raise TypeError
    if kind is UUID:
        return str(UUID(value))
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)
