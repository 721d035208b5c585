"""A finished fit is kept: no file is replaced unasked, none is lost when its file cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.synthetic import synthetic_fit

from scaling_bayes import TraceError, open_trace
from scaling_bayes.cli import cli
from scaling_bayes.cli.keep import refuse_replacing, save_or_keep


def test_a_trace_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "trace.nc"
    refuse_replacing(path, overwrite=False)
    path.write_bytes(b"a fit")
    with pytest.raises(click.UsageError, match="--overwrite"):
        refuse_replacing(path, overwrite=False)
    refuse_replacing(path, overwrite=True)


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "mine.csv", "-o"),
        ("scorecard", "mine.csv", "-o"),
        ("calibrate", "prior_sbc", "mine.csv", "-o"),
        ("calibrate", "posterior_sbc", "--posterior", "mine.csv", "-o"),
        ("compare", "mine.csv", "other.nc", "--stack"),
        ("bundle", "mine.csv", "-o"),
    ],
)
def test_what_a_command_reads_is_never_replaced(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "mine.csv"
    table.write_bytes(b"mine")
    Path("link").symlink_to("mine.csv")
    for output in (table, "link"):
        refused = CliRunner().invoke(cli, [*command, str(output), "--overwrite"])
        assert refused.exit_code == 2
        assert "is what this command reads" in " ".join(refused.stderr.split())
    assert table.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("scorecard", "-o"), "scores.csv"),
        (("data", "export", "tasks", "-o"), "tasks.csv"),
        (("score", "reference-2026.11", "later.csv", "-o"), "score.pdf"),
        (("forecast", "--flop", "1e23", "-o"), "error.pdf"),
        (("overparameterization", "--figure"), "figure.pdf"),
        (("bundle", "reference-2026.11", "-o"), "deposit.zip"),
    ],
)
def test_no_file_is_replaced_unasked(command: tuple[str, ...], name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"mine")
    refused = CliRunner().invoke(cli, [*command, str(path)])
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert path.read_bytes() == b"mine"


def test_files_beside_an_exported_table_are_not_replaced_unasked(tmp_path: Path) -> None:
    beside = tmp_path / "tasks.meta.toml"
    beside.write_bytes(b"mine")
    asked = ["data", "export", "tasks", "-o", str(tmp_path / "tasks.csv")]
    assert CliRunner().invoke(cli, asked).exit_code == 2
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]
    assert CliRunner().invoke(cli, [*asked, "--overwrite"]).exit_code == 0
    assert beside.read_bytes() != b"mine"


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "-o"),
        ("hardware-fit", "-o"),
        ("calibrate", "prior_sbc", "-o"),
        ("compare", "reference-2026.11", "logistic-2026.11", "--stack"),
    ],
)
def test_every_command_that_writes_a_trace_refuses_to_replace_one(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "trace.nc"
    path.write_bytes(b"a fit")
    refused = CliRunner().invoke(cli, [*command, str(path)])
    assert refused.exit_code == 2
    assert "would be replaced" in refused.stderr
    assert path.read_bytes() == b"a fit"


def test_a_fit_whose_file_cannot_be_written_is_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TraceError, match="The fit is not lost") as refused:
        save_or_keep(synthetic_fit(draws=4), tmp_path / "missing" / "trace.nc")
    kept = str(refused.value).partition("it is in ")[2].rstrip(".")
    assert open_trace(Path(kept)).attrs["digest"]
