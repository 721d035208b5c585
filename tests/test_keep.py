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
