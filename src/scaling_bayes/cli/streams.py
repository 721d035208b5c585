"""Standard output and standard error that never end a command in a traceback.

A character that a stream's encoding lacks is written as its escape (``\\u00b1``), which JSON reads back. What
cannot be written to standard output is one error; what cannot be said on standard error is left unsaid.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import Any

from scaling_bayes.errors import WriteError

_ESCAPES = "scaling_bayes.escapes"
#: The streams replaced, which would close what they share if they were forgotten.
_replaced: list[Any] = []


class _Output(io.TextIOWrapper):
    """Standard output: a failure to write is a `WriteError`, but for a reader that has left."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error


class _Talk(io.TextIOWrapper):
    """Standard error: a failure to write is passed over."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def guard_streams() -> None:
    """Put guarded streams in the place of ``sys.stdout`` and ``sys.stderr`` for the rest of the process."""
    codecs.register_error(_ESCAPES, _escape)
    # A closed one's number is taken by a file that can be neither read nor filled, lest another get it.
    sys.stdout = _guarded(_Output, sys.stdout, 1, os.O_RDONLY)
    sys.stderr = _guarded(_Talk, sys.stderr, 2, os.O_WRONLY)


def flush_output() -> None:
    """Write what is still held back.

    Raises
    ------
    WriteError
        If standard output cannot be written.
    BrokenPipeError
        If its reader has left.
    """
    sys.stdout.flush()


def abandon_output() -> None:
    """Drop what is still held back, so that Python does not try to write it once more at its end."""
    _occupy(sys.stdout.fileno(), os.O_WRONLY)


def _guarded[Kind: io.TextIOWrapper](kind: type[Kind], stream: Any, number: int, mode: int) -> Kind:
    if stream is None:
        _occupy(number, mode)
        return kind(io.open(number, "wb", closefd=False), encoding="utf-8", errors=_ESCAPES)  # noqa: UP020
    stream.flush()
    _replaced.append(stream)
    # Standard error is never held back, standard output only where nobody looks on.
    at_once = kind is _Talk or stream.isatty()
    return kind(stream.buffer, encoding=stream.encoding, errors=_ESCAPES, line_buffering=at_once)


def _occupy(number: int, mode: int) -> None:
    nowhere = os.open(os.devnull, mode)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what cannot be encoded as JSON escapes it, in UTF-16 units."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[position : position + 2].hex() for position in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


def _unwritable(error: OSError) -> WriteError:
    return WriteError(f"cannot write to standard output: {error.strerror or error}.")
