"""A trace is opened once, and what is told of it loads no more than it needs."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from tests.synthetic import synthetic_fit

from scaling_bayes import figures
from scaling_bayes.errors import TraceError
from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.report import write_report
from scaling_bayes.trace import schema
from scaling_bayes.trace.view import PosteriorView, TraceView


def test_a_view_of_a_view_is_itself_and_reads_each_group_once() -> None:
    fit = synthetic_fit()
    view = PosteriorView.of(fit)
    assert PosteriorView.of(view) is TraceView.of(view) is view
    assert isinstance(TraceView.of(fit), PosteriorView)
    assert view.posterior is view.group("posterior")
    assert view.tasks == tuple(fit["posterior"]["task"].values)
    assert "checks" in view
    assert "comparison" not in view
    with pytest.raises(TraceError, match="no group 'comparison'"):
        view.group("comparison")


def test_parameters_on_the_scale_of_error_leave_the_draws_alone() -> None:
    view = PosteriorView.of(synthetic_fit(law="logistic"))
    before = view.posterior.copy(deep=True)
    view.parameters("posterior")["more"] = 1.0
    xr.testing.assert_identical(view.posterior, before)


def test_what_is_not_a_fit_is_refused() -> None:
    assert TraceView.of(open_hardware()).kind == "hardware"
    for other in (open_hardware(), TraceView.of(open_hardware())):
        with pytest.raises(TraceError, match="kind 'hardware'; expected a fit"):
            PosteriorView.of(other)
    for nothing in (None, xr.DataTree(), {"a": 1}):
        with pytest.raises(TraceError, match="no readable manifest"):
            PosteriorView.of(nothing)  # type: ignore[arg-type]


def modules(*packages: str) -> Iterable[str]:
    for package in packages:
        found = importlib.import_module(f"scaling_bayes.{package}")
        yield from (f"{found.__name__}.{module.name}" for module in pkgutil.iter_modules(found.__path__))


@pytest.mark.long
@pytest.mark.usefixtures("undrawn")
def test_a_report_reads_the_fit_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One look at the manifest of the fit, and at most one at each of its groups."""
    fit = synthetic_fit(tasks=("imagenet",), pooling="none")
    looks: Counter[str] = Counter()
    for name in modules("citing", "diagnostics", "figures", "projection", "report", "thompson2020", "trace"):
        importlib.import_module(name)
    for asked in ("manifest", "group"):
        read = getattr(schema, asked)

        def counted(tree: Any, *of: str, asked: str = asked, read: Any = read) -> Any:
            if tree is fit:
                looks[" ".join((asked, *of))] += 1
            return read(tree, *of)

        for module in list(sys.modules.values()):
            if getattr(module, asked, None) is read:
                monkeypatch.setattr(module, asked, counted)
    write_report(fit, tmp_path / "r.html", targets={"imagenet": 0.1})
    assert looks["manifest"] == 1
    assert {"group posterior", "group constant_data", "group checks"} <= set(looks)
    assert set(looks.values()) == {1}


def test_a_report_with_its_pictures_and_the_what_if_page_load_no_matplotlib(tmp_path: Path) -> None:
    told = ["scaling_bayes.explore.app", "scaling_bayes.explore.page", *modules("report")]
    script = "import importlib, sys\nfrom pathlib import Path\nimport scaling_bayes\n"
    script += "for name in sys.argv[3:]:\n    importlib.import_module(name)\n"
    script += "fit = scaling_bayes.open_trace(sys.argv[1])\n"
    script += "scaling_bayes.report.write_report(fit, Path(sys.argv[2]), scenario=None)\n"
    script += "print(sorted({'matplotlib', 'pymc', 'arviz_stats'} & set(sys.modules)))"
    trace, page = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc", tmp_path / "report.html"
    found = subprocess.run(
        [sys.executable, "-c", script, trace, page, *told],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert found.stdout.strip() == "[]"
    written = page.read_text(encoding="utf-8")
    assert written.count("<figure") >= 4
    assert "Figure not drawn" not in written


def test_every_picture_is_found_when_asked_for() -> None:
    assert dir(figures) == figures.__all__
    for name in figures.__all__:
        assert getattr(figures, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'plot_nothing'"):
        figures.plot_nothing  # noqa: B018
