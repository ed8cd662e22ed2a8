"""Examples, links and names in the documents.

The docstring of tests/contract/document_examples.py explains how examples are written.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from graphql import parse, validate

from api.settings import Settings
from graphql_schema.schema import build_schema
from tests.contract import document_names as names
from tests.contract.document_examples import (
    URL_IN_DOCUMENTS,
    ExampleError,
    check_output,
    compare_http,
    compare_json,
    compare_text,
    find_examples,
    parse_blocks,
    run_examples,
)
from tests.support.api_clients import TLS
from tests.support.npm import run_node
from tests.support.service import QUOTAS, PostgresServer, RunningService, run_service, settings_for

DOCUMENTS = [names.ROOT / "README.md", *sorted((names.ROOT / "docs" / "guides").glob("*.md"))]
# Minimum number of runnable blocks per document; 1 for a guide that is not listed.
MINIMUM_EXAMPLES = {"README.md": 6, "docs/guides/frontend.md": 11, "docs/guides/graphql.md": 14, "docs/guides/mobile.md": 10}
needs_curl = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("bash", "curl", "sha256sum")), reason="the examples need bash, curl and sha256sum"
)


def document_id(document: Path) -> str:
    """Return the path of a document, for the names of tests."""
    return document.relative_to(names.ROOT).as_posix()


@pytest.fixture
def default_service(database: PostgresServer) -> Iterator[RunningService]:
    """A service with the default rate limits, and an empty database."""
    limits = {name: Settings.model_fields[name].default for name in QUOTAS}
    with run_service(settings_for(database, **limits), database) as running:
        yield running


@needs_curl
@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_examples_print_what_the_document_shows(document: Path, default_service: RunningService, tmp_path: Path) -> None:
    examples = find_examples(parse_blocks(document.read_text()))
    assert len(examples) >= MINIMUM_EXAMPLES.get(document_id(document), 1)

    outputs = run_examples(examples, default_service.url, tmp_path)

    for example, output in zip(examples, outputs, strict=True):
        check_output(example, output)


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_graphql_blocks_are_valid(document: Path) -> None:
    schema = build_schema()._schema

    for block in parse_blocks(document.read_text()):
        if block.language == "graphql" and block.is_example:
            assert validate(schema, parse(block.text)) == [], f"line {block.line}"


# Appended to the examples: rename a task twice, then send several requests with a broken access token.
USES_OF_CLIENT = """
const [first] = (await (await client.request("/api/me/tasks?limit=1")).json()) as Task[];
for (const title of ["Renamed", "Renamed again"]) console.log((await renameTask(client, first!, title)).saved);

const inner = client as unknown as { session: Session };
inner.session = { ...inner.session, access_token: "broken" };
const send = globalThis.fetch;
globalThis.fetch = (input, init) => {
  if (String(input).endsWith("/refresh")) console.log("refresh");
  return send(input, init);
};
const responses = await Promise.all([1, 2, 3].map(() => client.request("/api/auth/me")));
console.log(...responses.map((response) => response.status));
"""


def test_typescript_examples_compile_in_strict_mode_and_run(default_service: RunningService, tmp_path: Path) -> None:
    with httpx.Client(base_url=default_service.url, verify=TLS) as http:
        account = {"email": "ada@example.com", "password": "correct horse"}
        token = http.post("/api/auth/register", json=account).raise_for_status().json()["access_token"]
        for title in ("Buy milk", "Buy bread"):
            http.post("/api/me/tasks", json={"title": title}, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    blocks = parse_blocks((names.ROOT / "docs/guides/frontend.md").read_text())
    code = "".join(block.text for block in blocks if block.language == "ts" and block.is_example)
    source = tmp_path / "client.mts"
    source.write_text(code.replace(URL_IN_DOCUMENTS, default_service.url) + USES_OF_CLIENT)

    result = run_node(Path(__file__).parent / "typescript" / "run.mjs", str(source))

    assert result["errors"] == []
    assert result["lines"] == ["Buy bread", "Buy milk", "true", "false", "refresh", "200 200 200"]


@pytest.mark.parametrize("document", names.markdown_files(), ids=document_id)
def test_relative_links_and_anchors_resolve(document: Path) -> None:
    assert [link for link in names.relative_links(document) if not names.resolves(document, link)] == []


@pytest.mark.parametrize("document", names.documents_with_names(), ids=document_id)
def test_names_in_backticks_exist(document: Path) -> None:
    unknown = [span for span in names.code_spans(document.read_text()) if not names.is_known(span, document)]

    assert unknown == []


def test_benchmark_ratios_in_the_readme_occur_in_the_results() -> None:
    benchmarks = (names.ROOT / "README.md").read_text().partition("## Benchmarks")[2].partition("\n## ")[0]
    ratios = re.findall(r"\d+\.\d\d\b", benchmarks)

    assert len(ratios) >= 9
    assert set(ratios) <= set(re.findall(r"\d+\.\d\d\b", (names.ROOT / "bench/RESULTS.md").read_text()))


def test_frontend_guide_names_every_error_code() -> None:
    spans = set(names.code_spans((names.ROOT / "docs/guides/frontend.md").read_text()))

    assert names.error_codes() - spans == set()


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": 1} [2]', '{"a": 1}\n[2]'),
        ('{"a": 1, …}', '{"a": 1, "b": 2}'),
        ("[1, …]", "[1, 2, 3]"),
        ('["…", 2]', '["x", 2]'),
        ('{"text": "from … to"}', '{"text": "from a to"}'),
        ('{"revision": 1}', '{"revision": 7}'),
        ('"01a21ea6-787a-718d-9a0f-14bd7eb34666"', '"01a21ea6-787a-718d-9a0f-14bd7eb34667"'),
        ('"2026-11-27T20:15:56.099614Z"', '"2026-11-28T20:15:56Z"'),
        ('"ada.1@example.com"', '"ada.23@example.com"'),
    ],
)
def test_json_output_equal_apart_from_volatile_values_is_accepted(expected: str, actual: str) -> None:
    assert compare_json(expected, actual) is None


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ('{"a": 1}', '{"a": 2}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 1}', '{"a": 1} {"a": 1}'),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ('{"a": 1, …}', '{"b": 2}'),
        ("[1]", "[1, 2]"),
        ("[1, 2, …]", "[1]"),
        ('{"text": "from … to"}', '{"text": "from a"}'),
        ('{"revision": 1}', '{"revision": null}'),
        ('"01a21ea6-787a-718d-9a0f-14bd7eb34666"', "null"),
        ('"2026-11-27T20:15:56Z"', '"yesterday"'),
        ("{}", "not JSON"),
    ],
)
def test_different_json_output_is_rejected(expected: str, actual: str) -> None:
    assert compare_json(expected, actual) is not None


def test_http_output_compares_status_shown_headers_and_body() -> None:
    actual = 'HTTP/1.1 200 OK\r\netag: "7"\r\ndate: now\r\n\r\n{"a": 1}'

    assert compare_http('HTTP/1.1 200 OK\nETag: "3"\n\n{"a": 1}', actual) is None
    assert compare_http('HTTP/1.1 201 Created\n\n{"a": 1}', actual)
    assert compare_http('HTTP/1.1 200 OK\nLocation: /x\n\n{"a": 1}', actual)
    assert compare_http('HTTP/1.1 200 OK\nDate: then\n\n{"a": 1}', actual)
    assert compare_http('HTTP/1.1 200 OK\n\n{"a": 2}', actual)


def test_text_output_compares_all_but_ellipses() -> None:
    assert compare_text("first\n…\nlast\n", "first\nsecond\nthird\nlast") is None
    assert compare_text("first\nlast", "first\nsecond\nlast")


@pytest.mark.parametrize(
    "markdown",
    ["```bash\ncurl\n```\n", "```\ncurl\n```\n", "```json\n{}\n```\n", "```sh norun\ncurl\n```\n\n```json\n{}\n```\n"],
    ids=["unknown language", "no language", "output without commands", "output of a norun block"],
)
def test_blocks_that_would_be_skipped_silently_are_rejected(markdown: str) -> None:
    with pytest.raises(ExampleError):
        find_examples(parse_blocks(markdown))


@needs_curl
def test_blocks_share_one_session_and_failures_name_the_line(tmp_path: Path) -> None:
    examples = find_examples(parse_blocks("```sh\nX=1\n```\n\n```sh\necho $X\n```\n\n```text\n1\n```\n\n```sh\nfalse\n```\n"))

    assert run_examples(examples[:2], "unused", tmp_path) == ["", "1\n"]
    with pytest.raises(ExampleError, match="line 13: exit status 1"):
        run_examples(examples, "unused", tmp_path)
    with pytest.raises(ExampleError, match="does not show"):
        check_output(examples[0], "printed")
