"""Write files so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path next to `target`; it replaces `target` when the block ends without error.

    Parameters
    ----------
    target : Path
        The file to write. Its directory must exist.

    Yields
    ------
    Path
        An empty temporary file in the same directory, removed if the block raises.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_mode(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target` atomically."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write `content` to `target` atomically, as UTF-8 with the newlines it has."""
    write_bytes(target, content.encode("utf-8"))


def _mode(target: Path) -> int:
    """Permission bits of the file being replaced; 0644 for a new one."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o644
