"""Addresses that are nobody's, by methods that nobody uses: there is nothing there, and it is said so in the declared way."""

from urllib.parse import quote
from uuid import UUID

from hypothesis import strategies as st

from tests.fuzzing.response_checks import judge_graph, judge_rest
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import texts

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "POST", "PUT", "DELETE", "PROPFIND")
DOTS = ("..", ".", "", "%2e%2e", "..%2f", "%00")
BESIDE = ("/graphql", "/docs", "/docs/files", "/docs/files/swagger-ui.css", "/openapi.json", "")


def _parts() -> st.SearchStrategy[str]:
    """Return parts of addresses."""
    return st.sampled_from(DOTS) | texts.map(lambda text: quote(text.encode("utf-8", "surrogatepass")[:200], safe=""))


def fuzz_addresses(target: Target, data: st.DataObject) -> None:
    """Ask for something at an address that is somebody's, or beside it."""
    known = data.draw(st.sampled_from([*target.document["paths"], *BESIDE]), label="known")
    beyond = data.draw(st.lists(_parts(), max_size=3), label="beyond")
    path = "/".join([known.replace("{user_id}", "me").replace("{id}", str(UUID(int=7))), *beyond])
    method = data.draw(st.sampled_from(METHODS), label="method")
    token = target.victims.current().token
    answer = target.send(method, target.service.url + path, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        target.victims.drop(token)
    if method == "HEAD":
        assert answer.status_code < 500
    elif answer.headers.get("content-type", "").startswith("application/json") and answer.is_error:
        judge_graph(answer)
    else:
        judge_rest(answer)
