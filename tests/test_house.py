"""The house rules that no linter knows: module map, light imports, public names, packaging."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import scaling_bayes

PUBLIC_NAMES = scaling_bayes.__all__

#: Names of the workshop, which load the sampler.
WORKSHOP = {"Comparison", "FitWarning", "calibrate", "compare", "fit", "fit_hardware", "scorecard", "stack"}

SAMPLER = {"arviz", "arviz_base", "arviz_plots", "arviz_stats", "numba", "nutpie", "pymc", "pytensor"}
PLOTTING = {"matplotlib"}
TABLES = {"numpy", "pandas", "xarray", "scipy"}

# Written in parts, so that this file does not name what it forbids.
REGISTRY_HOSTS = [
    "".join(parts).encode()
    for parts in (
        ("py", "pi.org"),
        ("python", "hosted"),
        ("registry.np", "mjs"),
        ("deb.de", "bian"),
        ("conda.ana", "conda.org"),
        ("crates", ".io"),
    )
]


def git_files(repository: Path) -> list[Path]:
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True).stdout
    files = [repository / name.decode() for name in listed.split(b"\0") if name]
    return [file for file in files if file.is_file()]


def loaded_after(code: str, suspects: set[str]) -> set[str]:
    script = f"import sys\n{code}\nprint(*({suspects!r} & set(sys.modules)), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stderr.split())


# Module map


def mapped_modules(repository: Path) -> list[str]:
    lines = (repository / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| module | the question it answers | may import |") + 2
    cells = [line.split("|")[1].strip() for line in lines[start : lines.index("", start)]]
    return [cell.strip("`") for cell in cells]


def test_every_module_is_in_the_map_and_every_row_is_a_module(repository: Path) -> None:
    package = repository / "src" / "scaling_bayes"
    modules = {"scaling_bayes"}
    modules |= {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    modules |= {path.parent.name for path in package.glob("*/__init__.py")}
    rows = mapped_modules(repository)
    assert len(rows) == len(set(rows)), "a module has two rows in ARCHITECTURE.md"
    assert modules - set(rows) == set(), "modules without a row in ARCHITECTURE.md"
    assert set(rows) - modules == set(), "rows of ARCHITECTURE.md without a module"


def test_the_map_follows_the_layers(repository: Path) -> None:
    with (repository / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    position = {name: rank for rank, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    rows = [row for row in mapped_modules(repository) if row != "scaling_bayes"]
    assert [position[row] for row in rows] == sorted(position[row] for row in rows)


# Light imports


def test_import_is_light() -> None:
    assert loaded_after("import scaling_bayes", SAMPLER | PLOTTING | TABLES) == set()


def test_help_is_light() -> None:
    code = "\n".join(
        (
            "from scaling_bayes.cli import main",
            "sys.argv = ['scaling-bayes', '--help']",
            "try:",
            "    main()",
            "except SystemExit as end:",
            "    assert end.code in (0, None), end.code",
        )
    )
    assert loaded_after(code, SAMPLER | PLOTTING) == set()


def test_reading_names_do_not_load_the_sampler() -> None:
    reading = [name for name in PUBLIC_NAMES if name not in WORKSHOP]
    code = f"import scaling_bayes\n[getattr(scaling_bayes, name) for name in {reading!r}]"
    assert loaded_after(code, SAMPLER | PLOTTING) == set()


def test_the_command_is_installed() -> None:
    command = Path(sys.executable).with_name("scaling-bayes")
    run = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Usage:")


# Public names


def test_public_names_are_those_of_the_reference(repository: Path) -> None:
    text = (repository / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = text.partition("Figures\n-------")[0]
    assert sorted(re.findall(r"^   (\w+)$", listed, flags=re.MULTILINE)) == PUBLIC_NAMES
    assert sorted(PUBLIC_NAMES) == PUBLIC_NAMES


@pytest.mark.parametrize("name", scaling_bayes._RENAMED)
def test_an_old_name_says_the_new_one(name: str) -> None:
    new = scaling_bayes._RENAMED[name]
    assert new.partition("(")[0] in PUBLIC_NAMES
    assert name not in PUBLIC_NAMES
    with pytest.raises(AttributeError, match=f"scaling_bayes.{name} is now {re.escape(new)}"):
        getattr(scaling_bayes, name)
    with pytest.raises(ImportError, match=f"is now {re.escape(new)}"):
        exec(f"from scaling_bayes import {name}")


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_public_name_resolves_to_what_is_documented(name: str) -> None:
    value = getattr(scaling_bayes, name)
    if name == "LAWS":
        return
    assert value.__name__ == name
    assert value.__doc__
    home = importlib.import_module(value.__module__)
    assert getattr(home, name) is value


def test_public_names_and_version_are_listed() -> None:
    assert {*PUBLIC_NAMES, "__version__"} <= set(dir(scaling_bayes))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = scaling_bayes.nonsense


# Packaging


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, object]:
    with (repository / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def test_one_version_everywhere(repository: Path, project: dict[str, str]) -> None:
    version = project["version"]
    assert scaling_bayes.__version__ == version
    citation = (repository / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf'^version: "{re.escape(version)}"$', citation, flags=re.MULTILINE)
    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version)}\b", changelog, flags=re.MULTILINE)


def test_the_lock_satisfies_the_declared_dependencies(repository: Path, project: dict[str, object]) -> None:
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE))
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]  # type: ignore[misc, index]
    for requirement in map(Requirement, declared):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in requirements.lock; run make lock"
        assert requirement.specifier.contains(version), (
            f"{requirement}, but {version} is locked; run make lock"
        )


def test_no_committed_file_names_a_registry_host(repository: Path) -> None:
    naming = {
        f"{file.relative_to(repository)}: {host.decode()}"
        for file in git_files(repository)
        for host in REGISTRY_HOSTS
        if host in file.read_bytes().lower()
    }
    assert naming == set()


def test_every_command_of_the_maintainers_has_a_target(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    started = {f"tools{name}" for name in re.findall(r"\$\(TOOL\)([.\w]+)", makefile)}
    commands = {
        ".".join(path.relative_to(repository).with_suffix("").parts).removesuffix(".__main__")
        for path in (repository / "tools").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert started == commands
    targets = set(re.findall(r"^([\w-]+):.*## ", makefile, re.MULTILINE))
    phony = set(
        re.search(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.MULTILINE)[1].replace("\\\n", " ").split()
    )
    assert targets == phony
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=repository, capture_output=True, text=True
    ).stdout
    assert {line.split()[1] for line in helped.splitlines()} == targets
    for page in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (repository / page).read_text(encoding="utf-8")
        assert set(re.findall(r"`make ([a-z][\w-]*)", text)) <= targets


@pytest.mark.package
def test_a_wheel_and_a_source_archive_hold_what_they_should(repository: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)]
    run = subprocess.run(build, cwd=repository, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    committed = {file.relative_to(repository) for file in git_files(repository)}
    data = {path for path in committed if path.parts[0] == "data"}
    assert any(path.suffix == ".csv" for path in data)
    assert any(path.name.endswith(".meta.toml") for path in data)
    sources = {path for path in committed if path.parts[0] == "src"}

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert {str(path.relative_to("src")) for path in sources} <= inside
    assert {str(Path("scaling_bayes/_data") / path.relative_to("data")) for path in data} <= inside
    outsiders = {name.split("/")[0] for name in inside} - {"scaling_bayes"}
    assert len(outsiders) == 1
    assert outsiders.pop().endswith(".dist-info")

    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {str(Path(*Path(name).parts[1:])) for name in archive.getnames()}
    tests = {path for path in committed if path.parts[0] == "tests"}
    assert {str(path) for path in {*sources, *data, *tests}} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"} <= names
    assert not {name for name in names if "__pycache__" in name or name.startswith((".venv", "build"))}


@pytest.mark.parametrize("asked", ["sampling", "array"])
def test_what_is_not_used_is_not_imported_and_comes_when_it_is(asked: str) -> None:
    """nutpie without ArviZ, xarray without Dask; both whole once somebody takes them."""
    code = {
        "sampling": "import scaling_bayes.model.sampling.sample as by\n"
        "assert not {'arviz', 'matplotlib'} & set(sys.modules)\n"
        "import arviz, nutpie\n"
        "assert by.nutpie is nutpie and sys.modules['nutpie.sample'].arviz.from_dict is arviz.from_dict",
        "array": "import numpy, xarray, scaling_bayes.trace.view\n"
        "ours = xarray.DataArray(numpy.arange(4.0), dims='x') + 1.0\n"
        "assert ours.sum().item() == 10.0 and 'dask' not in sys.modules\n"
        "import dask.array\n"
        "masked = dask.array.ma.masked_array(dask.array.arange(4), [False, True, False, False])\n"
        "assert xarray.DataArray(masked, dims='x').isnull().sum().compute() == 1\n"
        "assert ours.chunk(x=2).sum().compute() == 10.0",
    }[asked]
    subprocess.run([sys.executable, "-c", f"import sys\n{code}"], check=True)
