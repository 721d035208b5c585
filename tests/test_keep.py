"""A finished fit is kept: no file is replaced unasked, none is lost when its file cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import pytest
from tests.synthetic import synthetic_fit

from scaling_bayes import TraceError, open_trace
from scaling_bayes.cli.keep import refuse_replacing, save_or_keep


def test_a_trace_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "trace.nc"
    refuse_replacing(path, overwrite=False)
    path.write_bytes(b"a fit")
    with pytest.raises(click.UsageError, match="--overwrite"):
        refuse_replacing(path, overwrite=False)
    refuse_replacing(path, overwrite=True)


def test_a_fit_whose_file_cannot_be_written_is_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TraceError, match="The fit is not lost") as refused:
        save_or_keep(synthetic_fit(draws=4), tmp_path / "missing" / "trace.nc")
    kept = str(refused.value).partition("it is in ")[2].rstrip(".")
    assert open_trace(Path(kept)).attrs["digest"]
