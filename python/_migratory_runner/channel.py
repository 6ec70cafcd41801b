"""The way to the runner: one request comes in by standard input, and answers to what is asked meanwhile; lines of JSON
go out by what was standard output.

What the author's code prints becomes log events; what programs that it starts print goes to standard error.
"""
import io
import json
import os
import queue
import signal
import sys
import threading

LONGEST_LINE = 10_000


class Refused(Exception):
    """What the runner was asked for did not succeed; it knows the whole error by this number."""

    def __init__(self, message, number):
        super().__init__(message)
        self.number = number


class Channel:
    """Sends messages, and asks; any thread may."""

    def __init__(self):
        self._lock = threading.Lock()
        self._asked = []
        self._out = os.dup(1)
        os.dup2(2, 1)

    def send(self, message):
        data = (json.dumps(message, default=str) + "\n").encode("utf-8", "backslashreplace")
        with self._lock:
            view = memoryview(data)
            while view:
                view = view[os.write(self._out, view):]

    def log(self, level, message):
        self.send({"type": "log", "level": level, "message": message})


    def ask(self, name, args):
        """Has the runner do something, and waits for what comes of it."""
        answer = queue.SimpleQueue()
        with self._lock:
            number = len(self._asked)
            self._asked.append(answer)
        self.send({"type": "ask", "number": number, "name": name, "args": args})
        told = answer.get()
        if "error" in told:
            raise Refused(told["error"], number)
        return told["result"]

    def hear(self, line):
        told = json.loads(line)
        self._asked[told["number"]].put(told)


def read_request(channel):
    """The one request, and from then on nothing to read for the author's code.

    The end of the input means that the runner is gone: then this process ends too, with all that it has started.
    """
    request = json.loads(sys.stdin.buffer.readline())
    source = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_hear_runner, args=(source, channel), daemon=True).start()
    return request


def _hear_runner(source, channel):
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            channel.hear(line)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


class _Lines(io.RawIOBase):
    def __init__(self, channel, level, descriptor):
        super().__init__()
        self._channel = channel
        self._level = level
        self._descriptor = descriptor
        self._pending = b""

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def write(self, data):
        *lines, self._pending = (self._pending + bytes(data)).split(b"\n")
        for line in lines:
            self._tell(line)
        return len(data)

    def finish(self):
        if self._pending:
            self._tell(self._pending)
        self._pending = b""

    def _tell(self, line):
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text.strip():
            self._channel.log(self._level, text[:LONGEST_LINE])


def print_to(channel):
    """From now on `print` and standard error become log events. Returns the way to tell what has no line break yet."""
    pairs = []
    for name, level, descriptor in (("stdout", "info", 1), ("stderr", "warn", 2)):
        lines = _Lines(channel, level, descriptor)
        stream = io.TextIOWrapper(
            io.BufferedWriter(lines), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
        setattr(sys, name, stream)
        pairs.append((stream, lines))

    def finish():
        for stream, lines in pairs:
            try:
                stream.flush()
            except ValueError:
                pass  # closed by the author's code
            lines.finish()

    return finish
