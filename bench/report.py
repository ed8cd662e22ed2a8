"""Writes what was measured as Markdown. Notes below the marker are people's, and are kept."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.memory_growth import MemoryReading
from bench.runner import RunOptions, Samples, median_sample, ratio
from bench.scaling import MAX_PAGE_SIZE, NESTED_PAGES, WHOLE_LISTS
from bench.servers import SERVICE, STRAWBERRY
from bench.targets import check_targets
from bench.users import PAGE_SIZE
from bench.wrk import Sample

RESULTS = Path(__file__).parent / "RESULTS.md"
_NOTES = "<!-- notes -->"
_NUMBER = re.compile(r"[0-9.,]*")

_METHOD = """\
Each server is one process with a pool of ten connections, on the same tables, behind the same token check. Load comes from
`wrk` with one thread, asking as 1,000 users in turn. Within a round every server takes each workload in turn; figures are
medians of the rounds, and ratios are medians of the ratios within a round. The usual pattern and idiomatic Strawberry isolate
users by WHERE alone; all others pay for row-level security, and this service for its log line too."""
_LEGEND = """\
`x` says how many times more requests per second this service answers. CPU is what a request takes in the server's process,
and in all of PostgreSQL's processes."""
_COLUMNS = ("server", "requests/s", "x", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL ms")


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that was measured in one run."""

    options: RunOptions
    environment: Sequence[tuple[str, str]]
    samples: Samples
    scaling: Samples
    peaks: Mapping[str, float]
    readings: Sequence[MemoryReading]


def render(findings: Measurements) -> str:
    """Return the report."""
    effort = f"{findings.options.rounds} rounds, {findings.options.seconds} seconds for each measurement"
    sections = [
        "# Results",
        f"Made by `make bench` on {datetime.now(UTC):%d %B %Y}: {effort}.",
        _METHOD,
        _table(("", ""), findings.environment),
        "## Targets",
        _table(("target", "found", "kept"), _verdicts(findings)),
        "## Workloads",
        _LEGEND,
        _table(("workload", "connections", *_COLUMNS), _rows(findings)),
    ]
    if findings.scaling:
        sections += ["## Growth", *_scaling(findings.scaling)]
    sections += ["## Memory", _table(("server", "peak MB after the run"), _peaks(findings.peaks))]
    if findings.readings:
        memory = ((f"{reading.requests:,}", f"{reading.megabytes:.0f}") for reading in findings.readings)
        sections += ["Memory of this service over requests with distinct GraphQL documents:", _table(("requests", "MB"), memory)]
    return "\n\n".join(sections) + "\n"


def write(report: str, path: Path = RESULTS) -> None:
    """Write the report above the notes."""
    kept = path.read_text().partition(_NOTES)[2] if path.exists() else "\n"
    path.write_text(f"{report}\n{_NOTES}{kept}")


def _verdicts(findings: Measurements) -> Iterator[tuple[str, str, str]]:
    for verdict in check_targets(findings.samples, findings.peaks[SERVICE], findings.readings):
        yield verdict.target, verdict.measured, "yes" if verdict.is_met else "**no**"


def _rows(findings: Measurements) -> Iterator[tuple[str, ...]]:
    for case, by_server in findings.samples.items():
        for server in by_server:
            title, connections = (case.workload.title, str(case.connections)) if server == SERVICE else ("", "")
            yield title, connections, server, *_figures(by_server, server)


def _figures(by_server: Mapping[str, Sequence[Sample]], server: str) -> tuple[str, ...]:
    found = median_sample(by_server[server])
    times = "" if server == SERVICE else f"{ratio(by_server[SERVICE], by_server[server], lambda sample: sample.rate):.2f}"
    return f"{found.rate:.0f}", times, f"{found.p50:.1f}", f"{found.p99:.1f}", f"{found.cpu:.2f}", f"{found.database_cpu:.2f}"


def _scaling(samples: Samples) -> Iterator[str]:
    for heading, workloads in (
        (f"The nested query, the first {PAGE_SIZE} tasks of each of 10 lists, by one connection:", NESTED_PAGES),
        (f"One list, its first {MAX_PAGE_SIZE} tasks, by one connection:", WHOLE_LISTS),
    ):
        rows = []
        for tasks, workload in workloads.items():
            for case, by_server in samples.items():
                if case.workload is workload:
                    rows += [_scaling_row(tasks, by_server, server) for server in (SERVICE, STRAWBERRY)]
        yield heading
        yield _table(("tasks per list", *_COLUMNS), rows)


def _scaling_row(tasks: int, by_server: Mapping[str, Sequence[Sample]], server: str) -> tuple[str, ...]:
    return f"{tasks:,}" if server == SERVICE else "", server, *_figures(by_server, server)


def _peaks(peaks: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    return ((server, f"{megabytes:.0f}") for server, megabytes in peaks.items())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [tuple(row) for row in rows]
    rule = ["---:" if all(_NUMBER.fullmatch(cell) for cell in column) else "---" for column in zip(*body, strict=True)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *body))
