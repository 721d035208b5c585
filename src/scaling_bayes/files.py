"""Write files so that a reader sees the old file or the new one, never half of one.

Links are followed: the file a link leads to is replaced, the link stays. A device, pipe or socket is refused,
as a new file would take its place. What a killed process leaves is removed when the same file is next
written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import WriteError

if TYPE_CHECKING:
    from types import FrameType

try:
    import fcntl
except ImportError:  # Windows: nothing that a killed process left is removed
    fcntl = None  # type: ignore[assignment]

#: Most bytes of a target's name that its temporary name repeats.
_NAME_BYTES: Final = 60
#: Seconds after which what nobody holds a lock on counts as left by a killed process.
_STALE_SECONDS: Final = 60.0
#: What this process is writing, and its number: a forked child leaves what its parent writes.
_unfinished: dict[Path, int] = {}
#: What this process has written in full, as it was asked for, in order.
_written: dict[Path, None] = {}


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path next to `target`; it replaces `target` when the block ends without error.

    Parameters
    ----------
    target : Path
        The file to write, or a link to it. Its directory must exist.

    Yields
    ------
    Path
        An empty temporary file in the same directory, removed if the block raises.

    Raises
    ------
    WriteError
        If the file cannot be written: a folder, device, pipe or socket, a missing or read-only directory, a
        full disk. Nothing is left behind.
    """
    with _named(target):
        place = _destination(target)
        _remove_stale(place)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=_prefix(place), suffix=".tmp")
        temporary = Path(name)
        with _held(temporary, handle):
            yield temporary
            _take_over(place, temporary)
            temporary.replace(place)
            _written[target] = None


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder next to `target`, in which that is made; it is removed at the end.

    Raises
    ------
    WriteError
        If it cannot be made, or the block ends in an error of the file system.
    """
    with _named(target):
        place = Path(os.path.realpath(target))
        _remove_stale(place)
        folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=_prefix(place), suffix=".tmp"))
        with _held(folder, os.open(folder, os.O_RDONLY)):
            yield folder


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target` atomically, as `replacing` does."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write `content` to `target` atomically, as UTF-8 with the newlines it has."""
    write_bytes(target, content.encode("utf-8"))


def write_files(contents: Mapping[Path, str]) -> None:
    """Write several texts, all or none: the first is replaced after the last one is written in full."""
    with ExitStack() as stack:
        for target, content in contents.items():
            stack.enter_context(replacing(target)).write_bytes(content.encode("utf-8"))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, a path that cannot be written."""
    target = Path(path)
    with _named(target), tempfile.TemporaryFile(dir=_destination(target).parent):
        pass


def written() -> tuple[Path, ...]:
    """Files that this process has written in full and that are there, each once, in order."""
    return tuple(path for path in _written if path.exists())


def discard_unfinished() -> None:
    """Remove what this process is writing; for the end of a process that is told to end at once."""
    for path, process in list(_unfinished.items()):
        if process == os.getpid():
            _remove(path)


def discard_when_told_to_end() -> None:
    """Make SIGTERM and SIGHUP remove what this process is writing before they end it, as they else do."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    discard_unfinished()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _destination(target: Path) -> Path:
    """The regular file, there or not, that writing to `target` replaces."""
    try:
        kind = target.stat().st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG
    if stat.S_ISDIR(kind):
        raise WriteError(f"cannot write {target}: it is a folder; expected a file name.")
    if not stat.S_ISREG(kind):
        raise WriteError(f"cannot write {target}: it is a device, pipe or socket; expected a file name.")
    place = Path(os.path.realpath(target))
    if not place.parent.is_dir():
        shown = target.parent if not target.is_symlink() else place.parent
        raise WriteError(f"cannot write {target}: there is no folder {shown}; create it first.")
    return place


@contextmanager
def _named(target: Path) -> Iterator[None]:
    """Turn an error of the file system into one that names the file to be written."""
    try:
        yield
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}.") from error


@contextmanager
def _held(path: Path, handle: int) -> Iterator[None]:
    """Hold a lock that says the path is being written; remove the path at the end."""
    _unfinished[path] = os.getpid()
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)
        _remove(path)
        _unfinished.pop(path, None)


def _lock(handle: int) -> bool:
    """Whether the lock could be had; file systems without locks never give it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _prefix(place: Path) -> str:
    return f".{place.name.encode('utf-8', 'surrogateescape')[:_NAME_BYTES].decode('utf-8', 'ignore')}."


def _remove_stale(place: Path) -> None:
    """Remove what killed processes left of `place`: old enough, and locked by nobody."""
    pattern = re.compile(rf"{re.escape(_prefix(place))}[a-z0-9_]{{8}}\.tmp")
    with contextlib.suppress(OSError), os.scandir(place.parent) as entries:
        for entry in entries:
            if not pattern.fullmatch(entry.name) or entry.is_symlink():
                continue
            path = Path(entry)
            if time.time() - path.stat().st_mtime < _STALE_SECONDS:
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                if _lock(handle):
                    _remove(path)
            finally:
                os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _take_over(place: Path, temporary: Path) -> None:
    """Give the new file the permissions and, where that is allowed, the owner of the old one; else 0644."""
    try:
        old = place.stat()
    except FileNotFoundError:
        temporary.chmod(0o644)
        return
    with contextlib.suppress(OSError, AttributeError):
        os.chown(temporary, old.st_uid, old.st_gid)
    temporary.chmod(old.st_mode & 0o777)
