"""What every command of the maintainers does alike: how it ends, and how files are compared and written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scaling_bayes.errors import DataError, Problem, ScalingBayesError
from scaling_bayes.files import write_text

__all__ = ["checkout_root", "exit_code", "refuse_stale", "stale_files", "write_files"]


def checkout_root() -> Path:
    """Root of the source checkout, whose committed files the commands rebuild."""
    return Path(__file__).resolve().parents[1]


def exit_code(work: Callable[[], int | None]) -> int:
    """Do the work of a command: its own exit code, or 1 and the message of a known error."""
    try:
        return work() or 0
    except ScalingBayesError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def stale_files(root: Path, files: Mapping[Path, str]) -> dict[Path, str]:
    """Files of a checkout that are missing or other than they should be, with the text they should have."""

    def now(path: Path) -> str | None:
        return (root / path).read_bytes().decode("utf-8") if (root / path).is_file() else None

    return {path: text for path, text in files.items() if now(path) != text}


def refuse_stale(root: Path, files: Mapping[Path, str], *, mend: str) -> None:
    """Refuse files that are other than they should be.

    Raises
    ------
    DataError
        Naming each, and `mend`, the command that writes them.
    """
    if stale := stale_files(root, files):
        problems = [Problem(None, None, str(path), "the content that the tables give") for path in stale]
        raise DataError(f"files are out of date; run {mend}", problems)


def write_files(root: Path, files: Mapping[Path, str]) -> None:
    """Write those that are other than they should be, and name them."""
    for path, text in stale_files(root, files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write_text(root / path, text)
        sys.stdout.write(f"wrote {path}\n")
