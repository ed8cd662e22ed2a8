"""Runnable examples in Markdown documents.

Contract for authors of README.md and docs/guides/*.md. A block is a fenced block; its info is what follows the three backticks.

- The `sh` blocks of a document run in order, in one bash session (`set -eu -o pipefail`), in an empty folder. Variables of
  one block are available in the next. `http://127.0.0.1:8000` is replaced by the address of a service with default settings and
  an empty database; every document gets its own.
- A block that prints something is followed by its output: the next block, `json`, `http` or `text`. A block that prints nothing
  has none. These three infos are used for output only.
- `json`: one or more JSON values, compared by structure. `http`: the output of `curl -i`; the status line, the headers that the
  document shows and the body are compared, and other headers may be left out. `text`: compared as a whole.
- Volatile values are equal if they are of the same kind: UUIDs, timestamps, JWTs, other tokens, request ids, cursors, e-mail
  addresses with a number (`ada.123@example.com`), ETags, the remaining quota in `RateLimit`, and integers named `revision`.
- `…` shortens output: inside a string or a text it matches any characters; as the last element of an array or object (`[1, …]`,
  `{"id": 1, …}`) it matches all further elements.
- `graphql` blocks are validated against the schema. The `ts` blocks of frontend.md are one module, which is compiled and run.
- tests/contract/test_document_examples.py lists how many examples a document has at least; a document that is not listed has one.
- Blocks of other languages are not run. `sh norun` and `console` mark commands that are not; `norun` may follow any language.
  An unknown info is an error, so that nothing is skipped because of a misspelling.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

URL_IN_DOCUMENTS = "http://127.0.0.1:8000"
ELLIPSIS = "…"
OUTPUT_LANGUAGES = {"json", "http", "text"}
LANGUAGES = {
    *("console", "sh", "dotenv", "ini", "nginx", "toml", "yaml"),
    *("graphql", "js", "python", "sql", "ts"),
    *("http", "json", "mermaid", "text"),
}
_SECONDS = 120
_END_OF_BLOCK = "--- end of block ---"
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ ]*$", re.DOTALL | re.MULTILINE)
_JSON_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|…')
_VOLATILE_KEYS = {"revision"}
_VOLATILE = [
    (re.compile(pattern), f"<{kind}>")
    for kind, pattern in {
        "uuid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "timestamp": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?",
        "date": r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
        "jwt": r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+",
        "token": r"\btodo_[a-z]+_[\w.-]{20,}",
        "email": r"\b[a-z]+\.\d+@example\.com\b",
        "request id": r"\b[0-9a-f]{32}\b",
        "cursor in a link": r"(?<=cursor=)[\w%-]+",
        "cursor": r"\bWy[IJ][\w-]{16,}",
        "etag": r"(?<=[Ee][Tt]ag: )\"\d+\"",
        "weak etag": r"(?<=[Ee][Tt]ag: )W/\"\d+-[0-9a-f]{24}\"",
        "remaining quota": r"(?<=;r=)\d+;t=\d+",
    }.items()
]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the line it begins on, its language, whether it is marked `norun`, and its text."""

    line: int
    language: str
    is_example: bool
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """Commands, and the block of output that follows them, if there is one."""

    commands: Block
    output: Block | None


class ExampleError(AssertionError):
    """An example that differs from its document, or cannot be read."""


def parse_blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks. Raises ExampleError for an unknown info string."""
    blocks = []
    for match in _FENCE.finditer(markdown):
        line = markdown.count("\n", 0, match.start()) + 1
        language, *options = match["info"].split() or [""]
        if language not in LANGUAGES or options not in ([], ["norun"]):
            raise ExampleError(f"line {line}: unknown info string {match['info']!r}")
        blocks.append(Block(line, language, not options, match["text"]))
    return blocks


def find_examples(blocks: list[Block]) -> list[Example]:
    """Return the commands with their output. Raises ExampleError for output without commands."""
    examples = []
    for block, following in pairwise([None, *blocks, None]):
        if following is not None and _is_output(following) and not _is_runnable(block):
            raise ExampleError(f"line {following.line}: output without a runnable block before it; mark it `norun`")
        if block is not None and _is_runnable(block):
            examples.append(Example(block, following if following is not None and _is_output(following) else None))
    return examples


def _is_runnable(block: Block | None) -> bool:
    return block is not None and block.language == "sh" and block.is_example


def _is_output(block: Block) -> bool:
    return block.language in OUTPUT_LANGUAGES and block.is_example


def run_examples(examples: list[Example], url: str, folder: Path) -> list[str]:
    """Run the commands in one session, and return what each block prints. Raises ExampleError if a command fails."""
    separator = f"printf '%s\\n' '{_END_OF_BLOCK}'\n"
    script = "set -eu -o pipefail\n" + "".join(example.commands.text + separator for example in examples)
    done = subprocess.run(
        ["bash", "-c", script.replace(URL_IN_DOCUMENTS, url)],  # noqa: S607 - found by PATH, as readers do
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    *outputs, rest = done.stdout.replace(url, URL_IN_DOCUMENTS).split(_END_OF_BLOCK + "\n")
    if done.returncode or rest:
        raise ExampleError(f"line {examples[len(outputs)].commands.line}: exit status {done.returncode}\n{rest}\n{done.stderr}")
    return outputs


def check_output(example: Example, actual: str) -> None:
    """Raise ExampleError if the output differs from what the document shows."""
    expected = example.output
    if expected is None:
        if actual.strip():
            raise ExampleError(f"line {example.commands.line}: prints something that the document does not show:\n{actual}")
        return
    check = {"json": compare_json, "http": compare_http, "text": compare_text}[expected.language]
    difference = check(expected.text, actual)
    if difference:
        raise ExampleError(f"line {expected.line}: {difference}\n\nprinted:\n{actual}")


def compare_json(expected: str, actual: str) -> str | None:
    """Return the first difference of two texts of JSON values, or None."""
    try:
        values = list(_json_values(actual))
    except ValueError as error:
        return f"the output is not JSON ({error})"
    return _compare(list(_json_values(_quote_ellipses(expected))), values, "")


def compare_text(expected: str, actual: str) -> str | None:
    """Return the difference of two texts, or None."""
    for transform in (str, mask_volatile):
        parts = transform(expected.strip()).split(ELLIPSIS)
        if re.fullmatch(".*".join(map(re.escape, parts)), transform(actual.strip()), re.DOTALL):
            return None
    return f"expected {expected.strip()!r}, not {actual.strip()!r}"


def compare_http(expected: str, actual: str) -> str | None:
    """Return the first difference of two HTTP responses, or None. Headers that the document leaves out may have any value."""
    status, headers, body = _parse_response(expected)
    actual_status, actual_headers, actual_body = _parse_response(actual)
    if status != actual_status:
        return f"expected {status!r}, not {actual_status!r}"
    for name, value in headers.items():
        found = actual_headers.get(name)
        if found is None:
            return f"the response has no header {name!r}"
        difference = compare_text(f"{name}: {value}", f"{name}: {found}")
        if difference:
            return difference
    if actual_body.startswith(("{", "[")):
        return compare_json(body, actual_body)
    return compare_text(body, actual_body)


def mask_volatile(text: str) -> str:
    """Replace volatile values by their kinds."""
    for pattern, kind in _VOLATILE:
        text = pattern.sub(kind, text)
    return text


def _json_values(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), 0
    text = text.strip()
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        yield value
        position += len(text[position:]) - len(text[position:].lstrip())


def _quote_ellipses(text: str) -> str:
    """Make `…` in arrays and objects valid JSON: an element, or a key."""
    stack: list[str] = []

    def replace(match: re.Match[str]) -> str:
        part = match[0]
        if part in "[{":
            stack.append(part)
        elif part in "]}":
            stack.pop()
        elif part == ELLIPSIS:
            return f'"{ELLIPSIS}"' if stack[-1] == "[" else f'"{ELLIPSIS}": null'
        return part

    return _JSON_PARTS.sub(replace, text)


def _compare(expected: Any, actual: Any, path: str) -> str | None:
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _compare_objects(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _compare_arrays(expected, actual, path)
    if isinstance(expected, str) and isinstance(actual, str):
        difference = compare_text(expected, actual)
        return difference and f"{path}: {difference}"
    if type(expected) is type(actual) and (expected == actual or path.rpartition("/")[2] in _VOLATILE_KEYS):
        return None
    return f"{path}: expected {expected!r}, not {actual!r}"


def _compare_objects(expected: dict[str, Any], actual: dict[str, Any], path: str) -> str | None:
    keys = expected.keys() - {ELLIPSIS}
    if keys - actual.keys() or (len(keys) == len(expected) and actual.keys() - keys):
        return f"{path}: expected the keys {sorted(expected)}, not {sorted(actual)}"
    return next((found for key in keys if (found := _compare(expected[key], actual[key], f"{path}/{key}"))), None)


def _compare_arrays(expected: list[Any], actual: list[Any], path: str) -> str | None:
    is_open = bool(expected) and expected[-1] == ELLIPSIS
    expected = expected[:-1] if is_open else expected
    if len(actual) < len(expected) or (len(actual) > len(expected) and not is_open):
        return f"{path}: expected {len(expected)} elements, not {len(actual)}"
    pairs = zip(expected, actual, strict=False)
    return next((found for index, pair in enumerate(pairs) if (found := _compare(*pair, f"{path}/{index}"))), None)


def _parse_response(text: str) -> tuple[str, dict[str, str], str]:
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.strip().split("\n")
    headers = dict(line.split(":", 1) for line in lines)
    return status.strip(), {name.lower(): value.strip() for name, value in headers.items()}, body.strip()
