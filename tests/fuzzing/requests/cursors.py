"""Fuzzer for cursors: of another order, list or user, corrupted or random."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type
from hypothesis import strategies as st

from services.query_engine.entity_registry import ENTITIES
from tests.fuzzing.requests.paths import paths_for, url_with_query
from tests.fuzzing.response_checks import check_status, codes, values_of_key
from tests.fuzzing.target import Operation, Target
from tests.fuzzing.values.malformed_values import as_json, mutate_text, mutate_tree, strings

SORTS = tuple(dict.fromkeys(f"{sign}{sort}" for entity in ENTITIES.values() for sort in entity.sort_keys for sign in ("", "-")))


def _lists(target: Target) -> list[Operation]:
    return [operation for operation in target.operations if "cursor" in operation.parameters]


@dataclass(frozen=True)
class Cursor:
    """A cursor with the list and the order that it belongs to."""

    text: str
    path: str
    sort: str


@cache
def valid_cursors(target: Target) -> dict[str, list[Cursor]]:
    """Return valid cursors of both users for all lists that need no id, in all orders."""
    paths = [path for path in (operation.path.replace("{user_id}", "me") for operation in _lists(target)) if "{" not in path]
    return {token: list(_cursors_of(target, paths, token)) for token in (target.token, target.other_token)}


def _cursors_of(target: Target, paths: list[str], token: str) -> Iterator[Cursor]:
    for path in paths:
        for sort in SORTS:
            page = target.http.get(path, params={"limit": 1, "sort": sort}, headers={"Authorization": f"Bearer {token}"})
            if "next" in page.links:
                yield Cursor(str(page.url.join(page.links["next"]["url"]).params["cursor"]), path, sort)


@st.composite
def corrupted_cursors(draw: st.DrawFn, cursor: str) -> str:
    """Return the cursor with a corrupted text, byte or value."""
    layer = draw(st.integers(0, 3))
    if layer == 0:
        return draw(mutate_text(cursor))
    decoded = bytearray(base64.urlsafe_b64decode(cursor + "=="))
    if layer == 1:
        for _ in range(draw(st.integers(1, 3))):
            decoded[draw(st.integers(0, len(decoded) - 1))] = draw(st.integers(0, 255))
    else:
        digest, *values = json.loads(decoded)
        decoded = bytearray(as_json([digest, *draw(mutate_tree(values).filter(lambda drawn: isinstance(drawn, list)))]))
    return base64.urlsafe_b64encode(bytes(decoded)).rstrip(b"=").decode()


random_cursors = st.one_of(strings, st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))


def fuzz_cursors(target: Target, data: st.DataObject) -> None:
    """Request the page after a cursor over REST or GraphQL."""
    cursors_by_token = valid_cursors(target)
    token = data.draw(st.sampled_from([target.token, target.token, target.other_token]), label="token")
    cursor = data.draw(st.sampled_from(cursors_by_token[token]), label="cursor")
    kinds = [st.just(cursor.text), corrupted_cursors(cursor.text), corrupted_cursors(cursor.text), random_cursors]
    text: str = data.draw(kinds[data.draw(st.integers(0, 3))], label="text")
    same_list = data.draw(st.booleans(), label="same list")
    over_rest = same_list or data.draw(st.booleans(), label="REST")
    has_page = _over_rest(target, data, text, cursor if same_list else None) if over_rest else _over_graphql(target, data, text)
    if text in {other.text for other in cursors_by_token[target.other_token]}:
        assert not has_page, "the cursor of another user works"


def _over_rest(target: Target, data: st.DataObject, text: str, cursor: Cursor | None) -> bool:
    """Request a page of the cursor's list in its order, or of any list; return whether the request succeeded."""
    operation = data.draw(st.sampled_from(_lists(target)), label="operation")
    path = cursor.path if cursor else data.draw(paths_for(target, operation, with_invalid_parts=False), label="path")
    sort = cursor.sort if cursor else data.draw(st.sampled_from(["", *SORTS]), label="sort")
    url = url_with_query(path, {"cursor": text, "sort": sort})
    response = target.rest("GET", url, owner="ada", headers={"Authorization": f"Bearer {target.token}"})
    check_status(response, operation.declared["responses"])
    return response.is_success


@cache
def connections(target: Target) -> list[tuple[str, str, list[str]]]:
    """Return all connection fields: type, field, and the fields that it can be ordered by."""
    connection_fields = []
    for type_ in target.schema.type_map.values():
        for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            if "after" in field.args:
                order = get_named_type(field.args["orderBy"].type) if "orderBy" in field.args else None
                sorts = order.fields["field"].type.of_type if order else None
                connection_fields.append((type_.name, name, list(sorts.values) if isinstance(sorts, GraphQLEnumType) else []))
    return connection_fields


def _over_graphql(target: Target, data: st.DataObject, cursor: str) -> bool:
    """Request a page of any connection; return whether it has rows."""
    type_name, field, sorts = data.draw(st.sampled_from(connections(target)), label="field")
    ordered: bool = data.draw(st.booleans(), label="ordered")
    order = f", orderBy: [{{field: {data.draw(st.sampled_from(sorts))}}}]" if sorts and ordered else ""
    paging = data.draw(st.sampled_from(["first: 2, after", "last: 2, before"]), label="paging")
    page = f"{field}({paging}: $cursor{order}) {{ nodes {{ id }} edges {{ cursor }} }}"
    variables = {"cursor": cursor}
    if type_name == "Query":
        document = f"query($cursor: String) {{ {page} }}"
    else:
        document = f"query($cursor: String, $id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ {page} }} }} }}"
        variables["id"] = data.draw(st.sampled_from(target.reference.values(type_name, "id")), label="id")
    body = target.graphql(target.token, {"query": document, "variables": variables})
    assert codes(body) <= {"INVALID_INPUT"}, body
    return any(values_of_key(body.get("data"), "nodes"))
