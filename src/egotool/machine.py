"""What the machine has: its processor, the cores one may use, the memory one has used."""

import os
import platform
from pathlib import Path


def processor_name() -> str:
    """Return the processor's model, as the system calls it."""
    for line in _lines(Path("/proc/cpuinfo")):
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int | None:
    """Return the most memory, in bytes, that this process ever had at once; None where nobody tells."""
    for line in _lines(Path("/proc/self/status")):
        name, _, value = line.partition(":")
        if name == "VmHWM":  # unlike getrusage, without what the parent had before exec
            return int(value.split()[0]) * 1024
    if os.name != "posix":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _lines(path: Path) -> list[str]:
    """Return the lines of a file of the system's; none where there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
