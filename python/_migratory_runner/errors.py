"""Exceptions as plain JSON: class, message, code, the places in files, and the traceback without our own frames."""
import os
import traceback

from .channel import Refused

OURS = os.path.dirname(os.path.abspath(__file__))
LONGEST_CHAIN = 5


def describe(error, depth=0):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if os.path.dirname(os.path.abspath(f.filename)) != OURS]
    places = [{"file": f.filename, "line": f.lineno} for f in reversed(frames)]
    if isinstance(error, SyntaxError) and error.filename:
        places.insert(0, {"file": error.filename, "line": error.lineno or 1, "column": error.offset or 1})
    told = {
        "name": type(error).__name__,
        "message": message_of(error),
        "places": places,
        "stack": _stack(error, frames),
        "lost": _is_lost(error),
    }
    code = getattr(error, "code", None)
    if isinstance(error, SystemExit):
        told["exit"] = "" if code is None else repr(code)
    elif isinstance(code, (int, str)) and not isinstance(code, bool):
        told["code"] = code
    if isinstance(error, Refused):
        told["asked"] = error.number
    if isinstance(error, ImportError) and error.name:
        told["module"] = error.name
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    # What pymongo makes of the operating system's errors is said by its own.
    if cause is not None and depth < LONGEST_CHAIN:
        told["cause"] = describe(cause, depth + 1)
    return told


def message_of(error):
    name = type(error).__name__
    if isinstance(error, SyntaxError):
        return error.msg or name
    details = getattr(error, "details", None)
    writes = details.get("writeErrors") if isinstance(details, dict) else None
    if writes:
        first = str(writes[0].get("errmsg", ""))
        return first if len(writes) == 1 else "%s (and %d more)" % (first, len(writes) - 1)
    try:
        text = str(error)
    except Exception:
        text = ""
    # pymongo adds the whole reply of the server.
    text = text.split(", full error: ")[0].strip()
    if not text:
        return name
    return text if " " in text and not isinstance(error, KeyError) else "%s: %s" % (name, text)


def _stack(error, frames):
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*lines, *traceback.format_exception_only(type(error), error)]).rstrip()


def _is_lost(error):
    """The server could not be reached, or left: nobody knows what it has done."""
    try:
        from pymongo.errors import AutoReconnect, OperationFailure
    except ImportError:
        return False
    if isinstance(error, AutoReconnect):
        return True
    # The same codes as in src/engine/connectionLost.ts.
    return isinstance(error, OperationFailure) and error.code in (91, 189, 10058, 10107, 11600, 11602, 13435, 13436)
