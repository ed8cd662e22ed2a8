"""CPU time and memory of processes."""

from pathlib import Path

import psutil


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of one process."""
    times = process.cpu_times()
    return float(times.user + times.system)


def process_tree_cpu_seconds(postmaster: psutil.Process) -> float:
    """Return the CPU time of all PostgreSQL processes; that of ended ones is included in the postmaster's children."""
    times = postmaster.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in postmaster.children(recursive=True):
        try:
            total += cpu_seconds(child)
        except psutil.NoSuchProcess:
            continue
    return float(total)


def memory(process: psutil.Process) -> float:
    """Return the present resident memory in MB."""
    return _megabytes(process.pid, "VmRSS")


def peak_memory(process: psutil.Process) -> float:
    """Return the peak resident memory since the start of the process in MB."""
    return _megabytes(process.pid, "VmHWM")


def _megabytes(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise psutil.NoSuchProcess(pid)
