"""The built package in environments of its own: whole, and its reading half without the sampler."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.package
uv = pytest.importorskip("uv", reason="uv is not installed")

#: What installing needs and a machine without a network lacks.
UNREACHABLE = re.compile(
    r"error sending request|dns error|failed to fetch|network connectivity", re.IGNORECASE
)
SCRIPT = """
import json, sys
from pathlib import Path
import scaling_bayes as sb
from scaling_bayes.report import write_report

trace = sb.open_trace("reference-2026.12")
projection = sb.project(trace, {"imagenet": 0.05}, 2030, scenario="trend")
said = {
    "package": sb.__file__,
    "outcomes": sorted(set(sb.verify_trace("reference-2026.12")["findings"]["outcome"])),
    "groups": sorted(projection.children),
    "written": [path.name for path in write_report(trace, Path("report.html"), targets={"imagenet": 0.05})],
    "sampler": sorted({"nutpie", "numba", "pymc", "pytensor", "arviz_stats"} & set(sys.modules)),
}
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, made_once: Callable[..., Path]) -> Path:
    def build(folder: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder),
        ]
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    (built,) = made_once("wheel", build).glob("*.whl")
    return built


def interpreter(version: str) -> str:
    """Path of a Python of this version, from the PATH or pyenv."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for candidate in (sys.executable, f"python{version}", *sorted(versions.glob(f"{version}.*/bin/python"))):
        asked = [str(candidate), "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        if shutil.which(asked[0]):
            done = subprocess.run(asked, capture_output=True, text=True)
            if done.stdout.strip() == version:
                return asked[0]
    pytest.skip(f"no Python {version} on the PATH or in pyenv")


def installed(folder: Path, python: str, *installs: list[str]) -> Path:
    """Interpreter of a new environment with these installed, each by one command."""
    command = [uv.find_uv_bin(), "venv", "--quiet", "--python", python, str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    new = folder / "bin" / "python"
    for arguments in installs:
        command = [
            uv.find_uv_bin(),
            "pip",
            "install",
            "--quiet",
            "--no-build",
            "--python",
            str(new),
            *arguments,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if UNREACHABLE.search(done.stderr):
            pytest.skip("the libraries are neither in uv's cache nor to be had from here")
        assert done.returncode == 0, done.stderr
    return new


def read_and_report(python: Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-W", "error", "-c", SCRIPT],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert Path(said["package"]).is_relative_to(python.parent.parent)
    assert said["outcomes"] == ["agrees"]
    assert {"projection", "hardware"} <= set(said["groups"])
    assert said["written"] == ["report.html", "report.json", "report.csv"]
    assert said["sampler"] == []
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_reading_half_needs_only_its_own_libraries(repository: Path, wheel: Path, tmp_path: Path) -> None:
    content = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    reading = content["dependency-groups"]["reading"]
    assert set(reading) < set(content["project"]["dependencies"])
    names = {Requirement(line).name for line in reading}
    assert not names & {"arviz-base", "arviz-stats", "numba", "nutpie", "pymc", "pyarrow"}
    locked = ["--constraint", str(repository / "requirements.lock")]
    python = installed(tmp_path / "venv", sys.executable, [*locked, *reading], ["--no-deps", str(wheel)])
    read_and_report(python, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_wheel_reads_and_reports_in_a_clean_environment(
    repository: Path, wheel: Path, tmp_path: Path, version: str
) -> None:
    locked = ["--constraint", str(repository / "requirements.lock")]
    python = installed(tmp_path / "venv", interpreter(version), [*locked, str(wheel)])
    read_and_report(python, tmp_path)
    help_text = subprocess.run([python.with_name("scaling-bayes"), "--help"], capture_output=True, text=True)
    assert "fit" in help_text.stdout
