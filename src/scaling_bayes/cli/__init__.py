"""The command line ``scaling-bayes``: it parses, calls the library and prints.

Exit codes: 0 done; 1 the input or a file was refused, nothing was written; 2 the command was not
understood; 3 the fit was written but a check did not pass; 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import sys

from scaling_bayes.cli.commands import cli
from scaling_bayes.cli.output import say, say_usage
from scaling_bayes.errors import ScalingBayesError

__all__ = ["cli", "main"]

REFUSED = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line; errors of this package end in one message and exit code 1."""
    import click

    # Some million objects of imported libraries live to the end: they are looked through for cycles far less
    # often than Python would, and not at the end, when all memory goes at once.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    try:
        code = cli.main(standalone_mode=False)
    except ScalingBayesError as error:
        say(f"error: {error}")
        sys.exit(REFUSED)
    except click.ClickException as error:
        say_usage(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted; nothing was written")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(REFUSED)
    sys.exit(code if isinstance(code, int) else 0)
