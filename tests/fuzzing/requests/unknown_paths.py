"""Fuzzer for unknown paths and methods."""

from urllib.parse import quote
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.response_checks import check_graphql_response, check_rest_response
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import strings

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "POST", "PUT", "DELETE", "PROPFIND")
DOTS = ("..", ".", "", "%2e%2e", "..%2f", "%00")
OTHER_PATHS = ("/graphql", "/docs", "/docs/files", "/docs/files/swagger-ui.css", "/openapi.json", "")


def _parts() -> st.SearchStrategy[str]:
    """Return path segments."""
    return st.sampled_from(DOTS) | strings.map(lambda text: quote(text.encode("utf-8", "surrogatepass")[:200], safe=""))


def fuzz_unknown_paths(target: Target, data: st.DataObject) -> None:
    """Send a request to a known path or below it, with any method."""
    known_path = data.draw(st.sampled_from([*target.document["paths"], *OTHER_PATHS]), label="known path")
    segments = data.draw(st.lists(_parts(), max_size=3), label="segments")
    path = "/".join([known_path.replace("{user_id}", "me").replace("{id}", str(UUID(int=7))), *segments])
    method = data.draw(st.sampled_from(METHODS), label="method")
    token = target.accounts.current().token
    response = target.send(method, target.service.url + path, headers={"Authorization": f"Bearer {token}"})
    if response.status_code == 401:
        target.accounts.replace(token)
    if method == "HEAD":
        assert response.status_code < 500
    elif response.headers.get("content-type", "").startswith("application/json") and response.is_error:
        check_graphql_response(response)
    else:
        check_rest_response(response)
