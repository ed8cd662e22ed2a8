"""Requests to any operation with headers and bodies that no client sends: answered in a declared way, whatever they hold."""

import gzip
from typing import Any

from hypothesis import strategies as st

from tests.fuzzing.requests.paths import addresses
from tests.fuzzing.requests.request_bodies import media_type, tree_for
from tests.fuzzing.response_checks import judge_status
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import as_header, as_json, deep, mutated, spoiled, texts

FORM = "application/x-www-form-urlencoded"
# Of headers that are the server's own business (Content-Length, Transfer-Encoding, Connection, Upgrade) there is none here.
HEADERS: dict[str, tuple[str, ...]] = {
    "If-Match": ("*", '"1"', 'W/"1"', '"1", "2"', "1", '"', '""', '"1" "2"', '*, "1"', '"99999999999999999999"', "W/*", ","),
    "If-None-Match": ("*", '"1"', 'W/"x"', "1"),
    "Accept": ("*/*", "text/html", "application/json;q=0", "q=1", "a/b/c", ";;", "application/xml"),
    "Accept-Encoding": ("gzip", "br;q=9", "*;q=0", "identity;q=0"),
    "Accept-Language": ("de", "*", "x" * 200),
    "X-Request-Id": ("a", "a b", "x" * 129, "ä", "%0d%0a"),
    "Idempotency-Key": ("a", "", "x" * 300),
    "Content-Type": (
        "application/json",
        "application/json; charset=utf-16",
        "text/plain",
        FORM,
        "multipart/form-data",
        "application/merge-patch+json",
        "*/*",
        "",
    ),
    "Content-Encoding": ("gzip", "identity", "x"),
    "Origin": ("http://localhost:3000", "null", "https://evil.example", "http://["),
    "Referer": ("http://[", "about:blank"),
    "User-Agent": ("", "x" * 1000, "ä\u202e"),
    "Forwarded": ("for=1.2.3.4", "for=[::1", ";;="),
    "X-Forwarded-For": ("1.2.3.4", "not an address", "1.2.3.4, 5.6.7.8"),
    "X-Forwarded-Host": ("evil.example", "["),
    "X-Forwarded-Proto": ("https", "javascript"),
    "X-HTTP-Method-Override": ("DELETE",),
    "Cookie": ("a=b", "=;=", "\U0001f36a"),
    "Host": ("[", "a/b", "a?b#c", "a b", "evil.example:99999", "@", "[::1]:x", ""),
    "Range": ("bytes=0-0", "bytes=-"),
    "Date": ("yesterday",),
    "traceparent": ("00-0-0-0", "x"),
}


@st.composite
def headers(draw: st.DrawFn) -> list[tuple[bytes, bytes]]:
    """Return a few headers, some of them twice."""
    names = draw(st.lists(st.sampled_from(list(HEADERS)), max_size=4).filter(lambda drawn: drawn.count("Host") <= 1))
    return [(name.encode(), as_header(draw(st.sampled_from(HEADERS[name]) | texts))) for name in names]


@st.composite
def bodies(draw: st.DrawFn, tree: Any) -> bytes:
    """Return a body: what this would be as JSON, or what an accident, an encoding or a stranger makes of it."""
    tree = draw(st.just(tree) | spoiled(tree))
    raw = as_json(tree)
    ways = (
        st.just(raw),
        mutated(raw.decode()).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(
            [raw[:-1], b"\xef\xbb\xbf" + raw, raw.decode().encode("utf-16"), gzip.compress(raw), gzip.compress(raw)[:-9]]
        ),
        st.binary(max_size=40),
        deep().map(str.encode),
        st.just(raw + raw),
        st.integers(1, 4).map(lambda factor: b'{"title": "' + b"x" * (400_000 * factor) + b'"}'),
    )
    return draw(ways[draw(st.integers(0, 9)) % len(ways) if draw(st.booleans()) else 0])


def fuzz_requests(target: Target, data: st.DataObject) -> None:
    """Send a request to any operation."""
    operation = data.draw(st.sampled_from(target.operations), label="operation")
    path = data.draw(addresses(target, operation), label="path")
    token = target.victims.current().token if operation.about_accounts else target.token
    sent = [(b"Authorization", f"Bearer {token}".encode()), *data.draw(headers(), label="headers")]
    body = b""
    if "requestBody" in operation.declared or data.draw(st.integers(0, 9)) == 9:
        body = data.draw(bodies(data.draw(tree_for(target, operation))), label="body")
        if not any(name == b"Content-Type" for name, _ in sent):
            sent.append((b"Content-Type", media_type(operation).encode()))
    answer = target.rest(operation.method.upper(), path, headers=sent, content=body)
    if answer.status_code == 401:
        target.victims.drop(token)
    # What is odd in a path may make it the path of something else, or of nothing; and where no body is read, none is declared.
    odd = {"404", "405"} if "%" in path else set()
    large = set() if "requestBody" in operation.declared else {"413"}
    judge_status(answer, {*operation.declared["responses"], *odd, *large})
