"""Fuzzer for REST requests with unusual headers and bodies."""

import gzip
from typing import Any

from hypothesis import strategies as st

from tests.fuzzing.requests.paths import paths_for
from tests.fuzzing.requests.request_bodies import FORM, body_for, media_type
from tests.fuzzing.response_checks import check_status
from tests.fuzzing.target import Target
from tests.fuzzing.values.malformed_values import as_header, as_json, deep, mutate_text, mutate_tree, strings

# Headers of the HTTP protocol itself (Content-Length, Transfer-Encoding, Connection, Upgrade) are left out.
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
    return [(name.encode(), as_header(draw(st.sampled_from(HEADERS[name]) | strings))) for name in names]


@st.composite
def request_bodies(draw: st.DrawFn, tree: Any) -> bytes:
    """Return a request body: the JSON text, or a mutated, differently encoded or random one."""
    tree = draw(st.just(tree) | mutate_tree(tree))
    raw = as_json(tree)
    variants = (
        st.just(raw),
        mutate_text(raw.decode()).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(
            [raw[:-1], b"\xef\xbb\xbf" + raw, raw.decode().encode("utf-16"), gzip.compress(raw), gzip.compress(raw)[:-9]]
        ),
        st.binary(max_size=40),
        deep().map(str.encode),
        st.just(raw + raw),
        st.integers(1, 4).map(lambda factor: b'{"title": "' + b"x" * (400_000 * factor) + b'"}'),
    )
    return draw(variants[draw(st.integers(0, 9)) % len(variants) if draw(st.booleans()) else 0])


def fuzz_requests(target: Target, data: st.DataObject) -> None:
    """Send a request to any operation."""
    operation = data.draw(st.sampled_from(target.operations), label="operation")
    path = data.draw(paths_for(target, operation), label="path")
    token = target.accounts.current().token if operation.about_accounts else target.token
    request_headers = [(b"Authorization", f"Bearer {token}".encode()), *data.draw(headers(), label="headers")]
    body = b""
    if "requestBody" in operation.declared or data.draw(st.integers(0, 9)) == 9:
        body = data.draw(request_bodies(data.draw(body_for(target, operation))), label="body")
        if not any(name == b"Content-Type" for name, _ in request_headers):
            request_headers.append((b"Content-Type", media_type(operation).encode()))
    response = target.rest(operation.method.upper(), path, headers=request_headers, content=body)
    if response.status_code == 401:
        target.accounts.replace(token)
    # An unusual path may match another route or none. 413 is declared only where a body is read.
    path_statuses = {"404", "405"} if "%" in path else set()
    body_statuses = set() if "requestBody" in operation.declared else {"413"}
    check_status(response, {*operation.declared["responses"], *path_statuses, *body_statuses})
