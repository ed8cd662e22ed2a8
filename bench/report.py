"""Benchmark report in Markdown. The notes below the marker are written by hand and are preserved."""

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
Each server is one process with a pool of ten connections, on the same tables, with the same token check. `wrk` sends the load
with one thread, as 1,000 users in turn. Within a round every server runs each workload in turn; figures are medians of the
rounds, and ratios are medians of the ratios within a round. FastAPI + SQLModel and Strawberry + DataLoader isolate users by
WHERE only; all other servers also use row-level security, and this service writes a log line for each request."""
_LEGEND = """\
`x` is the requests per second of this service divided by those of the server in the row. CPU is the CPU time of one request in
the server's process, and in all of PostgreSQL's processes."""
_COLUMNS = ("server", "requests/s", "x", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL ms")


@dataclass(frozen=True, slots=True)
class Measurements:
    """All measurements of one run."""

    options: RunOptions
    environment: Sequence[tuple[str, str]]
    samples: Samples
    scaling: Samples
    peaks: Mapping[str, float]
    readings: Sequence[MemoryReading]


def render(measurements: Measurements) -> str:
    """Return the report."""
    extent = f"{measurements.options.rounds} rounds, {measurements.options.seconds} seconds for each measurement"
    sections = [
        "# Results",
        f"Written by `make bench` on {datetime.now(UTC):%d %B %Y}: {extent}.",
        _METHOD,
        _table(("", ""), measurements.environment),
        "## Targets",
        _table(("target", "measured", "met"), _target_rows(measurements)),
        "## Workloads",
        _LEGEND,
        _table(("workload", "connections", *_COLUMNS), _rows(measurements)),
    ]
    if measurements.scaling:
        sections += ["## Growth", *_scaling(measurements.scaling)]
    sections += ["## Memory", _table(("server", "peak MB after the run"), _peaks(measurements.peaks))]
    if measurements.readings:
        memory = ((f"{reading.requests:,}", f"{reading.megabytes:.0f}") for reading in measurements.readings)
        sections += ["Memory of this service over requests with distinct GraphQL documents:", _table(("requests", "MB"), memory)]
    return "\n\n".join(sections) + "\n"


def write(report: str, path: Path = RESULTS) -> None:
    """Write the report, and preserve the notes below it."""
    notes = path.read_text().partition(_NOTES)[2] if path.exists() else "\n"
    path.write_text(f"{report}\n{_NOTES}{notes}")


def _target_rows(measurements: Measurements) -> Iterator[tuple[str, str, str]]:
    for result in check_targets(measurements.samples, measurements.peaks[SERVICE], measurements.readings):
        yield result.target, result.measured, "yes" if result.is_met else "**no**"


def _rows(measurements: Measurements) -> Iterator[tuple[str, ...]]:
    for case, by_server in measurements.samples.items():
        for server in by_server:
            title, connections = (case.workload.title, str(case.connections)) if server == SERVICE else ("", "")
            yield title, connections, server, *_figures(by_server, server)


def _figures(by_server: Mapping[str, Sequence[Sample]], server: str) -> tuple[str, ...]:
    sample = median_sample(by_server[server])
    factor = "" if server == SERVICE else f"{ratio(by_server[SERVICE], by_server[server], lambda one: one.rate):.2f}"
    return (
        f"{sample.rate:.0f}",
        factor,
        f"{sample.p50:.1f}",
        f"{sample.p99:.1f}",
        f"{sample.cpu:.2f}",
        f"{sample.database_cpu:.2f}",
    )


def _scaling(samples: Samples) -> Iterator[str]:
    for heading, workloads in (
        (f"The nested query, the first {PAGE_SIZE} tasks of each of 10 lists, over one connection:", NESTED_PAGES),
        (f"One list, its first {MAX_PAGE_SIZE} tasks, over one connection:", WHOLE_LISTS),
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


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = [tuple(row) for row in rows]
    alignment = ["---:" if all(_NUMBER.fullmatch(cell) for cell in column) else "---" for column in zip(*body, strict=True)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, alignment, *body))
