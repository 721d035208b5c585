"""The command line ``scaling-bayes``: it parses, calls the library and prints.

Exit codes: 0 done; 1 the input or a file was refused, or standard output could not be written; 2 the command
was not understood; 3 the fit was written but a check did not pass; 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

from scaling_bayes.cli.commands import cli
from scaling_bayes.cli.flags import with_flags
from scaling_bayes.cli.output import say, say_usage
from scaling_bayes.cli.streams import abandon_output, flush_output, guard_streams
from scaling_bayes.errors import ScalingBayesError
from scaling_bayes.files import discard_when_told_to_end, written

__all__ = ["cli", "main"]

REFUSED = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line; errors of this package and of files end in one message and exit code 1."""
    # Some million objects of imported libraries live to the end: they are looked through for cycles far less
    # often than Python would, and not at the end, when all memory goes at once.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    guard_streams()
    discard_when_told_to_end()
    code = _run()
    try:
        flush_output()
    except BrokenPipeError:
        code = code or REFUSED
        abandon_output()
    except ScalingBayesError as error:
        if not code:
            say(f"error: {error}")
        code = code or REFUSED
        abandon_output()
    sys.exit(code)


def _run() -> int:
    """Exit code of the command; what went wrong is said."""
    import click

    try:
        code = cli.main(standalone_mode=False)
    except ScalingBayesError as error:
        say(f"error: {with_flags(str(error))}")
        return REFUSED
    except click.ClickException as error:
        say_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        finished = ", ".join(map(os.fsdecode, written()))
        say(f"interrupted; written in full: {finished}" if finished else "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        abandon_output()
        return REFUSED
    except OSError as error:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        say(f"error: {place}{error.strerror or error}.")
        return REFUSED
    return code if isinstance(code, int) else 0
