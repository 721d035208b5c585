"""Files are written whole, through links, never in place of a device, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaling_bayes import files, open_trace
from scaling_bayes.errors import WriteError
from scaling_bayes.files import (
    check_writable,
    discard_unfinished,
    replacing,
    temporary_folder,
    write_files,
    write_text,
)
from scaling_bayes.report import write_report

TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_link_stays_and_the_file_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.csv"
    for link, target in (("first", "second"), ("second", real)):
        (tmp_path / link).symlink_to(target)
    for text in ("new", "newer"):  # where the file is missing, and where it is there
        write_text(tmp_path / "first", text)
        assert (tmp_path / "first").is_symlink()
        assert (tmp_path / "second").is_symlink()
        assert real.read_text() == text
    assert names(tmp_path) == ["elsewhere", "first", "second"]
    assert names(tmp_path / "elsewhere") == ["real.csv"]


def test_links_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to(tmp_path / "missing" / "file")
    for name, message in (("loop", "cannot write .*loop"), ("gone", "no folder .*missing")):
        for refused in (lambda path: write_text(path, "x"), check_writable):
            with pytest.raises(WriteError, match=message):
                refused(tmp_path / name)
    assert names(tmp_path) == ["gone", "loop"]


def test_a_device_pipe_or_socket_is_never_replaced(tmp_path: Path) -> None:
    import socket

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        before = {path: path.lstat().st_mode for path in tmp_path.iterdir()}
        for name in ("pipe", "link", "socket", Path("/dev/null"), Path("/dev/full")):
            for refused in (lambda path: write_text(path, "x"), check_writable):
                with pytest.raises(WriteError, match="device, pipe or socket; expected a file name"):
                    refused(tmp_path / name)
        assert {path: path.lstat().st_mode for path in tmp_path.iterdir()} == before
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_of_ones_own_stays_a_device(tmp_path: Path) -> None:
    device = tmp_path / "device.nc"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices in this container")
    with pytest.raises(WriteError, match="device"):
        write_text(device, "x")
    assert stat.S_ISCHR(device.stat().st_mode)


@pytest.mark.parametrize("target", ["folder", "missing/file", "/proc/file", "x" * 300])
def test_what_cannot_be_written_is_refused_before_and_while_writing(target: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for refused in (lambda path: write_text(path, "x"), check_writable):
        with pytest.raises(WriteError, match="cannot write"):
            refused(tmp_path / target)
    assert names(tmp_path) == ["folder"]


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "ü" * 127):
        write_text(tmp_path / name, "x")
    assert len(names(tmp_path)) == 2


def test_permissions_are_those_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "x")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_text(path, "y")
    assert path.stat().st_mode & 0o777 == 0o600


def test_several_files_are_written_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    write_files(dict.fromkeys(paths, "old"))
    write = Path.write_bytes
    for failing in "abc":

        def write_or_fill(path: Path, content: bytes, failing: str = failing) -> int:
            if path.name.startswith(f".{failing}."):
                write(path, content[:1])
                full()
            return write(path, content)

        monkeypatch.setattr(Path, "write_bytes", write_or_fill)
        with pytest.raises(WriteError, match=f"cannot write .*/{failing}: No space left on device"):
            write_files(dict.fromkeys(paths, "new"))
        assert {path.read_text() for path in paths} == {"old"}
        assert names(tmp_path) == ["a", "b", "c"]


@pytest.mark.long
@pytest.mark.usefixtures("undrawn")
def test_a_report_on_a_full_disk_leaves_nothing_or_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, write = open_trace(TRACE), Path.write_bytes

    def write_or_fill(path: Path, content: bytes) -> int:
        return full() if path.name.startswith(".report.csv.") else write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_or_fill)
    with pytest.raises(WriteError, match=r"cannot write .*report\.csv: No space left on device"):
        write_report(tree, tmp_path / "report.html", scenario=None)
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom scaling_bayes.files import *\n"
        "with replacing(Path('a.csv')) as one, temporary_folder(Path('a.csv')) as two:\n"
        "    one.write_text('half'); (two / 'part').write_text('half')\n"
        "    print('ready', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    left = list(tmp_path.iterdir())
    assert len(left) == 2
    for path in left:
        os.utime(path, (time.time() - 3600,) * 2)
    (tmp_path / ".a.csv.mine.tmp").write_text("not ours")
    write_text(tmp_path / "a.csv", "x")
    assert set(left) < set(tmp_path.iterdir()), "another process is still writing these"
    process.kill()
    process.communicate()
    write_text(tmp_path / "a.csv", "y")
    assert names(tmp_path) == [".a.csv.mine.tmp", "a.csv"]


def test_a_process_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from scaling_bayes import cli, files\n"
        "def wait(**_):\n"
        "    with files.replacing(Path('a.csv')), files.temporary_folder(Path('b')):\n"
        "        print('ready', file=sys.stderr, flush=True); time.sleep(600)\n"
        "cli.cli.commands['traces'].callback = wait\n"
        "sys.argv = ['scaling-bayes', 'traces']\ncli.main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline() == b"ready\n"
    assert len(names(tmp_path)) == 2
    process.terminate()
    _, talk = process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert talk == b""
    assert names(tmp_path) == []


def test_a_forked_child_leaves_what_its_parent_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing(tmp_path / "a") as temporary:
        monkeypatch.setattr(files.os, "getpid", lambda: -1)
        discard_unfinished()
        assert temporary.exists()
        monkeypatch.undo()
        discard_unfinished()
        assert not temporary.exists()
        temporary.write_text("x")
    with temporary_folder(tmp_path / "b") as folder:
        (folder / "part").write_text("x")
    assert names(tmp_path) == ["a"]
