"""The program that has the decoders loaded and forks a child for each file. One runs beside each of our processes; client.py starts it and talks to it.

It is started anew instead of being forked, so neither it nor its children hold a secret of ours, a socket of ours or a thread of ours. It has one thread
itself, which makes forking safe. It ends when the process that started it ends, however that ends, and its children end with it.

    client                          host                            child
    request, three descriptors ──>  forks                      ──>  limits, then the task
    answer  <────────────────────────────────────────────────────  one line of JSON
    end     <─────────────────────  one line: how the child ended
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from studio.decoding.errors import Undecodable
from studio.decoding.limits import Limits, apply
from studio.decoding.tasks import done

MOST_WORDS = 65_536  # bytes of a request
DESCRIPTORS = 3  # the socket for the answer, the file, where to write
PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """A child at work: where its client listens, until when it may take, and whether it took longer."""

    reply: socket.socket
    until: float
    is_late: bool = False


class Host:
    """Takes requests from one socket until that is closed."""

    def __init__(self, control: socket.socket) -> None:
        self.control, self.children = control, dict[int, Child]()
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the client is gone; then nothing of it is left."""
        while True:
            ready = select.select([self.control.fileno(), self.woken], [], [], self._patience())[0]
            if self.woken in ready:
                os.read(self.woken, 4096)
            self._bury()
            if self.control.fileno() in ready and not self._take():
                break
            self._end_late()
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)

    def _patience(self) -> float | None:
        """Seconds until the next child is late."""
        waiting = [child.until for child in self.children.values() if not child.is_late]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _take(self) -> bool:
        """Whether there was a request. It is acknowledged with one byte when its child is there."""
        words, descriptors, _, _ = socket.recv_fds(self.control, MOST_WORDS, DESCRIPTORS)
        if not words:
            return False
        asked = json.loads(words)
        reply = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            self._become_child(asked, reply, *descriptors[1:])
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        self.children[pid] = Child(reply, time.monotonic() + asked["limits"]["clock"])
        self.control.sendall(b"+")
        return True

    def _become_child(self, asked: dict[str, Any], reply: socket.socket, source: int, output: int) -> None:
        """Do the work, answer, and end."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            self.control.close()
            for other in self.children.values():
                other.reply.close()
            _die_with_parent()
            reply.sendall(json.dumps(_answer(asked, source, output)).encode() + b"\n")
            code = 0
        finally:
            os._exit(code)

    def _bury(self) -> None:
        """Tell the clients of children that ended how they did."""
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self.children.pop(pid)
            end = {"code": os.waitstatus_to_exitcode(status), "is_late": child.is_late}
            with child.reply, suppress(OSError):  # the client may be gone
                child.reply.settimeout(0)
                child.reply.sendall(json.dumps(end).encode() + b"\n")

    def _end_late(self) -> None:
        now = time.monotonic()
        for pid, child in self.children.items():
            if not child.is_late and child.until <= now:
                child.is_late = True
                os.kill(pid, signal.SIGKILL)


def _answer(asked: dict[str, Any], source: int, output: int) -> dict[str, object]:
    """What goes back: what the task told, why the file is refused, or how our own system failed."""
    try:
        apply(Limits(**asked["limits"]))
        with open(source, "rb") as file, open(output, "r+b") as target:
            told = done(asked["task"], file, target, asked["words"])
    except Undecodable as refusal:
        return {"refused": str(refusal)}
    except MemoryError:  # PyAV's too
        return {"exhausted": "memory"}
    except OSError as error:
        return {"errno": error.errno, "error": str(error)}
    except Exception as error:  # noqa: BLE001 - an error of ours is logged where there is a log
        return {"error": f"{type(error).__name__}: {error}"}
    return {"told": told}


def _die_with_parent() -> None:
    """Have Linux end this child when the host ends; elsewhere its deadline and its limits end it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _nothing(number: int, frame: FrameType | None) -> None:
    """A signal that only wakes us."""


def main() -> None:
    """Serve the socket that is our standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the process that started us, and we end with it
    gc.collect()
    gc.freeze()  # so that children share these pages
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # children get no second way to the control socket
    Host(control).run()


if __name__ == "__main__":
    main()
