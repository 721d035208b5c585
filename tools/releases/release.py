"""Make the released traces: run the command that the index has for each, and write down what came out.

``python -m tools.releases.release`` makes those the index has no digest for; ``NAME ...`` makes these;
``--check`` says which files are not the ones of the index. It runs from a source checkout.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import runpy
import shlex
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from multiprocessing import get_context, parent_process
from pathlib import Path

from scaling_bayes.diagnostics.verification import verify_trace
from scaling_bayes.errors import OptionError
from scaling_bayes.files import (
    discard_unfinished,
    discard_when_told_to_end,
    replacing,
    write_text,
)
from scaling_bayes.resources import archived_path
from scaling_bayes.trace.releases import INDEX, Release, read_index
from tools.command import checkout_root, exit_code

__all__ = ["main", "make", "stale"]


def to_toml(releases: tuple[Release, ...]) -> str:
    """Write releases as the index has them."""
    lines = [
        "# Released traces. A name keeps its meaning for good: a trace that changes gets another name.",
        "# make traces fills in digest, sha256 and date; the doi is filled in by hand after a deposit.",
    ]
    for release in releases:
        fields = asdict(release)
        lines += ["", "[[traces]]"]
        lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(lines) + "\n"


def make(release: Release, folder: Path) -> Release:
    """Run the command of a release, verify the trace it gives, and put it into the folder.

    Raises
    ------
    OptionError
        If the command is not one of ``scaling-bayes``, or does not give a trace that passed its checks.
    TraceError
        If the trace does not verify.
    """
    program, *arguments = shlex.split(release.command)
    if program != "scaling-bayes":
        raise OptionError(
            f"{release.name}: found the command {release.command!r}; expected scaling-bayes ..."
        )
    target = folder / release.file
    with replacing(target) as unfinished:
        unfinished.unlink()  # a fit replaces no file
        code = _run(arguments, unfinished)
        if code:
            raise OptionError(f"{release.name}: {release.command!r} ended with exit code {code}.")
        verified = verify_trace(unfinished)
        content = unfinished.read_bytes()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return replace(release, digest=verified["digest"], sha256=sha256(content).hexdigest(), date=today)


def _run(arguments: Sequence[str], output: Path) -> int:
    """Exit code of ``scaling-bayes`` in a process of its own, which ends when this one does."""
    process = get_context("spawn").Process(target=_command_line, args=(tuple(arguments), output))
    process.start()
    try:
        process.join()
    finally:
        process.terminate()
        process.join()
    return process.exitcode or 0


def _command_line(arguments: tuple[str, ...], output: Path) -> None:
    threading.Thread(target=_end_with_parent, args=(output,), daemon=True).start()
    sys.argv = ["scaling-bayes", *arguments, "-o", str(output)]
    runpy.run_module("scaling_bayes", run_name="__main__")


def _end_with_parent(output: Path) -> None:
    """Wait for the end of the parent, however it ends; then leave nothing and end too."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        discard_unfinished()
        output.unlink(missing_ok=True)
        os._exit(1)


def stale(index: Path) -> list[str]:
    """One sentence for each released file, of those that were made, that is missing or not the index's."""
    sentences = []
    for release in (each for each in read_index(index) if each.digest):
        path = release.path
        found = sha256(path.read_bytes()).hexdigest() if path else "no file"
        if found != release.sha256:
            sentences.append(f"{release.file}: expected SHA-256 {release.sha256}, found {found}")
    return sentences


def main(arguments: Sequence[str] | None = None) -> int:
    """Make or check the released traces; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.releases.release", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="traces to make anew")
    parser.add_argument("--check", action="store_true", help="make nothing; exit with 1 if a file is stale")
    options = parser.parse_args(arguments)
    discard_when_told_to_end()

    def work() -> int:
        index = checkout_root() / "data" / INDEX
        releases = read_index(index)
        if options.check:
            sentences = stale(index)
            sys.stdout.writelines(f"{sentence}\n" for sentence in sentences)
            return 1 if sentences else 0
        unknown = set(options.names) - {release.name for release in releases}
        if unknown:
            raise OptionError(f"{', '.join(sorted(unknown))}: not in {index}; add an entry first.")
        for position, release in enumerate(releases):
            if release.name in options.names or (not options.names and not release.digest):
                if archived_path(release.file):
                    raise OptionError(f"{release.name} is archived; it is never made again.")
                made = make(release, index.parent)
                releases = (*releases[:position], made, *releases[position + 1 :])
                write_text(index, to_toml(releases))
                sys.stdout.write(f"{made.name}: {made.digest}\n")
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
