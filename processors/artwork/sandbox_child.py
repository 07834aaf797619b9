"""The child process of the sandbox: limits itself, then answers one job after the other until its input ends."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from events.decoding import from_msgpack
from processors.artwork.frames import HEADER, Refused, Reply, Request, pack

#: Diagnostics only; a decoder that writes more is told that the file is full.
STDERR_BYTES_MAX: Final = 1024 * 1024
OPEN_FILES_MAX: Final = 128


def limit_process(memory_bytes: int) -> None:
    """Bound memory, written files, open files and core dumps of this process, for good."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (STDERR_BYTES_MAX, STDERR_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_cpu(seconds: int) -> None:
    """Let the process use `seconds` more of processor time; beyond that the system ends it (SIGXCPU)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_seconds = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_seconds + seconds + 1, resource.RLIM_INFINITY))


def answer(jobs: Mapping[str, Callable[[bytes], bytes]], request: Request) -> Reply:
    """Do one job; whatever goes wrong becomes a reply with a reason."""
    limit_cpu(request.cpu_seconds)
    try:
        return Reply("", "", jobs[request.job](request.payload))
    except Refused as refused:
        return Reply(refused.code, str(refused), b"")
    except MemoryError:
        return Reply("too_much_memory", "Decoding needs more memory than a picture of this size may use.", b"")
    except Exception as error:  # noqa: BLE001 - a foreign file may raise anything; the parent must hear of it
        traceback.print_exc(limit=-8)
        return Reply("unexpected", f"{type(error).__name__}: {str(error)[:300]}", b"")


def _read_exactly(descriptor: int, length: int) -> bytes | None:
    parts: list[bytes] = []
    while length:
        part = os.read(descriptor, min(length, 1024 * 1024))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _write_all(descriptor: int, frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(descriptor, view) :]


def main(jobs_module: str, memory_bytes: int) -> None:
    """Serve jobs from standard input until it ends."""
    answers = os.dup(1)
    # Whatever a library prints must not get into the answers.
    os.dup2(2, 1)
    limit_process(memory_bytes)
    try:
        jobs: Mapping[str, Callable[[bytes], bytes]] = importlib.import_module(jobs_module).JOBS
    except Exception as error:  # noqa: BLE001 - the parent names the cause to a person
        _write_all(answers, pack(Reply("not_started", str(error), b"")))
        return
    _write_all(answers, pack(Reply("", "", b"")))
    while True:
        header = _read_exactly(0, HEADER.size)
        body = _read_exactly(0, HEADER.unpack(header)[0]) if header else None
        if body is None:
            return
        request = from_msgpack(body, Request)
        _write_all(answers, pack(answer(jobs, request)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
