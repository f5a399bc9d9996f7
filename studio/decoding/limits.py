"""What the decoding of one file may cost, and how a process gives up what it does not need. Knows no Django.

`RLIMIT_AS` is kept by Linux alone; on other systems a file is bounded by its headers, its processor time and the deadline.
"""

import resource
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
FILES = 64  # descriptors that a child may have open


@dataclass(frozen=True, slots=True)
class Limits:
    """For one file: seconds of the processor, seconds by the clock, megabytes of memory beside the program's own, megabytes written."""

    cpu: float
    clock: float
    memory: int
    output: int


def apply(limits: Limits) -> None:
    """Bind this process, for good. Raises nothing where the system knows a limit and does not keep it."""
    cpu = max(1, round(limits.cpu))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output * MB, limits.output * MB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if used := _address_space():
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory * MB,) * 2)


def _address_space() -> int:
    """Bytes of addresses that this process uses; 0 where the system does not tell, which is where it does not limit them."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
