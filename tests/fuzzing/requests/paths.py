"""Addresses for the operations of the OpenAPI document: most of rows that are there, some of none, some of nothing at all."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.target import Operation, Target
from tests.fuzzing.values.malformed_values import texts

OWNERS = ("me", "ada", "eve", "Me", "nobody")


@st.composite
def addresses(draw: st.DrawFn, target: Target, operation: Operation, *, hostile: bool = True) -> str:
    """Return a path for an operation."""
    path, collection = "", ""
    for part in operation.path.split("/")[1:]:
        if not part.startswith("{"):
            path, collection = f"{path}/{part}", part
            continue
        good = st.just("me") if part == "{user_id}" else st.sampled_from([*target.ids(collection), str(UUID(int=7))])
        odd = st.sampled_from(OWNERS) if part == "{user_id}" else texts
        wild = hostile and draw(st.integers(0, 5)) == 5
        path = f"{path}/{quote(_raw(draw(odd if wild else good)), safe='')}"
    return path


def asking(path: str, parameters: Mapping[str, str]) -> str:
    """Return a path with a query, also of texts that are no Unicode."""
    pairs = [(_raw(name), _raw(text)) for name, text in parameters.items()]
    return f"{path}?{urlencode(pairs)}"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
