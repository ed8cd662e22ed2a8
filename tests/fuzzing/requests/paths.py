"""Paths of the operations in the OpenAPI document, with existing, unknown and invalid ids."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.target import Operation, Target
from tests.fuzzing.values.malformed_values import strings

OWNERS = ("me", "ada", "eve", "Me", "unknown")


@st.composite
def paths_for(draw: st.DrawFn, target: Target, operation: Operation, *, with_invalid_parts: bool = True) -> str:
    """Return a path for an operation, sometimes with invalid parts."""
    path, collection = "", ""
    for part in operation.path.split("/")[1:]:
        if not part.startswith("{"):
            path, collection = f"{path}/{part}", part
            continue
        valid = st.just("me") if part == "{user_id}" else st.sampled_from([*target.ids(collection), str(UUID(int=7))])
        invalid = st.sampled_from(OWNERS) if part == "{user_id}" else strings
        use_invalid = with_invalid_parts and draw(st.integers(0, 5)) == 5
        path = f"{path}/{quote(_raw(draw(invalid if use_invalid else valid)), safe='')}"
    return path


def url_with_query(path: str, parameters: Mapping[str, str]) -> str:
    """Return a path with a query string; the values may be invalid Unicode."""
    pairs = [(_raw(name), _raw(text)) for name, text in parameters.items()]
    return f"{path}?{urlencode(pairs)}"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
