"""Table of the attacks in Markdown, which SECURITY.md contains between two markers."""

import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.attack.measurement import Bounds, Measurement
from bench.environment_info import processor

SECURITY = Path(__file__).parent.parent.parent / "SECURITY.md"
_BEGIN = "<!-- written by make attack -->\n"
_END = "<!-- end -->\n"
_COLUMNS = (
    "attack",
    "p50 ms, calm",
    "p50 ms",
    "p99 ms",
    "failures",
    "CPU s",
    "PostgreSQL CPU s",
    "memory MB: before, peak, after",
    "SIGTERM s",
)


def render(measurements: Iterable[Measurement], bounds: Bounds) -> str:
    """Return the table, with the date and the machine."""
    rows = ("| " + " | ".join(cells) + " |" for cells in (_COLUMNS, ["---"] * len(_COLUMNS), *_rows(measurements, bounds)))
    machine = f"{processor()}, shared by the attacker, the service and PostgreSQL; Python {platform.python_version()}"
    return f"Measured on {datetime.now(UTC):%d %B %Y}: {machine}.\n\n" + "\n".join(rows) + "\n"


def write(table: str, path: Path = SECURITY) -> None:
    """Replace the table between the markers of the file."""
    before, rest = path.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    path.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}")


def _rows(measurements: Iterable[Measurement], bounds: Bounds) -> Iterator[list[str]]:
    for figures in measurements:
        exceeded = set(figures.exceeded(bounds))
        yield [
            figures.attack.description,
            f"{figures.calm.p50:.0f}",
            _emphasized(f"{figures.attacked.p50:.0f}", is_exceeded="p50" in exceeded),
            _emphasized(f"{figures.attacked.p99:.0f}", is_exceeded="p99" in exceeded),
            _emphasized(f"{figures.attacked.failures}", is_exceeded="failures" in exceeded),
            f"{figures.cpu:.1f}",
            f"{figures.database_cpu:.1f}",
            ", ".join(
                (
                    f"{figures.memory_before:.0f}",
                    _emphasized(f"{figures.memory_peak:.0f}", is_exceeded="peak memory" in exceeded),
                    _emphasized(f"{figures.memory_after:.0f}", is_exceeded="memory after" in exceeded),
                )
            ),
            _emphasized(f"{figures.stop_seconds:.1f}", is_exceeded="SIGTERM" in exceeded),
        ]


def _emphasized(text: str, *, is_exceeded: bool) -> str:
    return f"**{text}**" if is_exceeded else text
