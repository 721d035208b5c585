"""Files that were altered or made to do harm: each is refused with a clear message, in little memory.

All are opened in one process whose address space and processor time are limited, so that a file which asks
for more than a trace needs fails there and not on the machine that reads it.
"""

from __future__ import annotations

import json
import os
import re
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from tests.hostile import BY_BYTES, BY_HDF5, write
from tests.some import some

from scaling_bayes.errors import TraceError
from scaling_bayes.report import build_report, render_html
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.hdf5 import UnreadableError, read_here
from scaling_bayes.trace.io import _tree, open_trace, save_trace
from scaling_bayes.trace.releases import find_trace
from scaling_bayes.trace.schema import FIT_KIND
from scaling_bayes.trace.schema_versions import check_layout, check_values, read_layout

pytestmark = pytest.mark.long
TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
Edit = Callable[[h5py.File], object]


def edit_manifest(change: Callable[[dict], object]) -> Edit:
    """An edit of the manifest as an object."""

    def edit(file: h5py.File) -> None:
        content = json.loads(file.attrs["manifest"])
        change(content)
        file.attrs["manifest"] = json.dumps(content)

    return edit


def manifest_text(text: str) -> Edit:
    return lambda file: file.attrs.__setitem__("manifest", text)


def scale(name: str, factor: float = 1.0001) -> Edit:
    return lambda file: file[name].__setitem__(..., file[name][...] * factor)


def swap(one: str, other: str) -> Edit:
    def edit(file: h5py.File) -> None:
        file.move(one, "spare")
        file.move(other, one)
        file.move("spare", other)

    return edit


def set_text(name: str, text: str | bytes) -> Edit:
    return lambda file: file[name].__setitem__(0, text)


def add(name: str, **options: object) -> Edit:
    return lambda file: file.create_dataset(name, **options)


def nested_groups(file: h5py.File) -> None:
    file.create_group("/".join(["deep"] * 300))


def loop(file: h5py.File) -> None:
    file["posterior/again"] = file["posterior"]


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    file.create_virtual_dataset("posterior/virtual", layout)


def huge_chunk(file: h5py.File) -> None:
    file.create_dataset("posterior/chunk", shape=(1,), maxshape=(None,), chunks=(2**28,), dtype="f8")


def plug_in(file: h5py.File) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((8,))
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(
        file["posterior"].id, b"packed", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((8,)), creation
    )


def zeros(file: h5py.File) -> None:
    file.create_dataset("posterior/zeros", data=np.zeros(2**26, "i1"), chunks=(2**22,), compression="gzip")
    file.create_dataset("posterior/noughts", data=np.zeros(2**26, "i1"), chunks=(2**22,), compression="gzip")


def many_attributes(file: h5py.File) -> None:
    for position in range(200):
        file["posterior"].attrs[f"a{position}"] = position


def many_objects(file: h5py.File) -> None:
    for position in range(2000):
        file["posterior"].create_group(f"g{position}")


def committed_type(file: h5py.File) -> None:
    file["posterior/type"] = np.dtype("f8")


HDF5_FILES: dict[str, tuple[Edit, str]] = {
    "one draw": (
        lambda file: file["posterior/slope"].__setitem__((0, 0, 0), 0.5),
        "does not match its digest",
    ),
    "scaled draws": (scale("posterior/slope"), "does not match its digest"),
    "one error of the data": (
        lambda file: file["observed_data/error"].__setitem__(0, 0.5),
        "match its digest",
    ),
    "compute of the data": (scale("constant_data/log10_training_compute_flop"), "does not match its digest"),
    "swapped groups": (swap("posterior_predictive", "log_likelihood"), "does not match its digest"),
    "swapped variables": (
        swap("posterior/slope", "posterior/noise"),
        "does not match its digest|not a readable",
    ),
    "prior for posterior": (swap("prior", "posterior"), "found other labels than in prior_predictive"),
    "edited interval of a prior": (
        edit_manifest(lambda m: m["priors"]["compute_error"].update(sigma=0.1)),
        "does not match its digest",
    ),
    "a system of another name": (
        lambda file: file["observed_data/system"].__setitem__(0, "imagenet: another system"),
        "found other labels than in constant_data",
    ),
    "a variable more": (add("posterior/extra", data=np.zeros(3)), "match its digest|not a readable"),
    "manifest that is no JSON": (manifest_text("{not json"), "no readable manifest"),
    "edited check": (lambda file: file["checks/value"].__setitem__(0, 1.0), "does not match its digest"),
    "edited seed": (edit_manifest(lambda m: m["sampler"].update(random_seed=2)), "does not match its digest"),
    "edited data digest": (edit_manifest(lambda m: m["data"].update(sha256="0" * 64)), "match its digest"),
    "edited unit": (lambda file: file["posterior/slope"].attrs.__setitem__("units", "percent"), "its digest"),
    "forged digest": (lambda file: file.attrs.__setitem__("digest", "0" * 64), "expected 0000.*found"),
    "no digest": (lambda file: file.attrs.__delitem__("digest"), "does not match its digest"),
    "no manifest": (lambda file: file.attrs.__delitem__("manifest"), "no readable manifest"),
    "manifest of NaN": (manifest_text('{"schema_version": NaN}'), "no readable manifest"),
    "manifest with an infinite prior": (
        manifest_text('{"priors": {"x": {"mu": Infinity}}}'),
        "no readable manifest",
    ),
    "manifest 100,000 deep": (manifest_text("[" * 100_000), "no readable manifest"),
    "manifest that is a list": (manifest_text("[1]"), "expected a JSON object"),
    "manifest of another version": (
        edit_manifest(lambda m: m.update(schema_version=99)),
        "schema version 99",
    ),
    "version that is true": (edit_manifest(lambda m: m.update(schema_version=True)), "schema version True"),
    "manifest of another kind": (edit_manifest(lambda m: m.update(kind="model")), "kind 'model'"),
    "manifest without sampler": (edit_manifest(lambda m: m.pop("sampler")), "sampler"),
    "seed that is text": (edit_manifest(lambda m: m["sampler"].update(random_seed="1")), "random_seed"),
    "group missing": (lambda file: file.__delitem__("log_likelihood"), "groups missing: log_likelihood"),
    "text that is not UTF-8": (set_text("constant_data/system_name", b"\xff\xfe"), "UTF-8|not a readable"),
    "external link": (
        lambda file: file.__setitem__("posterior/x", h5py.ExternalLink("/etc/passwd", "/")),
        "ExternalLink",
    ),
    "soft link": (lambda file: file.__setitem__("posterior/x", h5py.SoftLink("/prior/slope")), "SoftLink"),
    "soft link to itself": (
        lambda file: file.__setitem__("posterior/x", h5py.SoftLink("/posterior/x")),
        "SoftLink",
    ),
    "storage outside the file": (
        add("posterior/x", shape=(4,), dtype="f8", external=[("/etc/passwd", 0, 32)]),
        "stored outside the file",
    ),
    "virtual dataset": (virtual, "stored outside the file"),
    "a million million values": (
        add("posterior/x", shape=(10**12,), dtype="f8", chunks=(1024,)),
        "it declares over",
    ),
    "ten huge dimensions": (
        add("posterior/x", shape=(2000,) * 6, dtype="f8", chunks=(1,) * 6),
        "it declares over",
    ),
    "chunk of 2 GiB": (huge_chunk, "it declares over"),
    "compression bomb": (zeros, "it declares over"),
    "compound type": (add("posterior/x", data=np.zeros(3, [("a", "f8"), ("b", "i4")])), "compound"),
    "references": (
        lambda file: file["posterior"].create_dataset("x", data=file["prior"].ref, dtype=h5py.ref_dtype),
        "reference",
    ),
    "ragged arrays": (add("posterior/x", shape=(3,), dtype=h5py.vlen_dtype(np.float64)), "vlen"),
    "opaque type": (add("posterior/x", data=np.zeros(3, "V8")), "opaque"),
    "enumeration": (add("posterior/x", data=np.zeros(3, bool)), "enum"),
    "committed type": (committed_type, "Datatype"),
    "filter that is a plug-in": (plug_in, "filter 32015"),
    "deep nesting": (nested_groups, "group inside a group"),
    "group inside itself": (loop, "group inside a group"),
    "two thousand groups": (many_objects, "holds 2"),
    "attribute of 8 MB": (
        lambda file: file["posterior/slope"].attrs.create("x", np.zeros(1000, "S8000")),
        "attribute 'x' of /posterior/slope",
    ),
    "attribute that is a reference": (
        lambda file: file["posterior"].attrs.create("x", file["prior"].ref, dtype=h5py.ref_dtype),
        "attribute 'x' of /posterior",
    ),
    "two hundred attributes": (many_attributes, "attributes; expected at most"),
    "numbers for text": (
        swap("checks/worst", "checks/value"),
        "digest|not a readable|checks/",
    ),
}


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def flip(pattern: bytes, offset: int = 0) -> Callable[[bytes], bytes]:
    """Flip the lowest bit of a byte after the first occurrence of a pattern."""

    def change(content: bytes) -> bytes:
        place = content.index(pattern) + offset
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    return change


def one_text_for_all(content: bytes) -> bytes:
    """Let every element of a text variable refer to one text of 2 MB, stored once."""
    with h5py.File.in_memory() as file:
        texts = file.create_dataset(
            "texts", data=np.array(["x" * 2**21, *("y" * 20_000)], object), dtype=h5py.string_dtype()
        )
        offset = texts.id.get_offset()
        file.flush()
        made = bytearray(file.id.get_file_image())
    first = made[offset : offset + 16]
    made[offset : offset + 16 * 20_001] = first * 20_001
    assert struct.unpack_from("<I", first)[0] == 2**21
    return bytes(made)


def stored_draws() -> bytes:
    """First draws of a variable that is stored plainly, as they lie in the file."""
    with h5py.File(TRACE) as file:
        return np.asarray(file["posterior/compute_error"]).tobytes()[:24]


BYTE_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "one flipped byte in the draws": (flip(stored_draws()), "digest"),
    "one flipped byte in the data": (flip(b"conll_2003: ", 2), "digest|found other labels"),
    "one flipped byte in the manifest": (flip(b'"random_seed": ', 15), "digest"),
    "one flipped byte in the signature": (flip(b"\x89HDF", 1), "not a readable netCDF-4 file"),
    "half of the file": (cut(0.5), "not a readable netCDF-4 file"),
    "all but a hundredth": (cut(0.99), "not a readable netCDF-4 file"),
    "nothing": (cut(0.0), "not a readable netCDF-4 file"),
    "text": (lambda content: b"task,error\n", "not a readable netCDF-4 file"),
    "a pickle": (lambda content: b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", "not a readable netCDF-4 file"),
    "gzip": (zlib.compress, "not a readable netCDF-4 file"),
    "one text for all": (one_text_for_all, "out of proportion"),
}


READ = """
import json, resource, sys
from pathlib import Path
from scaling_bayes import TraceError, open_trace
from scaling_bayes.trace import io
from scaling_bayes.trace.hdf5 import read_here
open_trace(sys.argv[1])
io.read_apart = read_here
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
for path in sorted(Path(sys.argv[2]).iterdir()):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        open_trace(path)
        message = ""
    except TraceError as error:
        message = str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([path.name, message, grown / 1024]))
"""


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, tuple[str, float]]:
    """Message and MiB of every file that is asked about, opened in one limited process."""
    folder = tmp_path_factory.mktemp("tampered")
    asked = {item.callspec.params["name"] for item in request.session.items if "opened" in item.fixturenames}
    for name in asked & set(BYTE_FILES):
        (folder / name).write_bytes(BYTE_FILES[name][0](TRACE.read_bytes()))
    for name in asked & set(HDF5_FILES):
        (folder / name).write_bytes(TRACE.read_bytes())
        with h5py.File(folder / name, "r+") as file:
            HDF5_FILES[name][0](file)
    run = subprocess.run([sys.executable, "-c", READ, TRACE, folder], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {name: (message, grown) for name, message, grown in lines}


@pytest.mark.parametrize("name", [*BYTE_FILES, *some(HDF5_FILES, 2)])
def test_refused_with_a_clear_message_and_in_little_memory(name: str, opened) -> None:
    message, grown = opened[name]
    expected = {**BYTE_FILES, **HDF5_FILES}[name][1]
    assert message, "the file was accepted"
    assert name in message
    assert len(message) < 1500
    assert re.search(expected, message), message
    assert grown < 256


@pytest.mark.parametrize("flips", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_every_flipped_byte_is_refused_or_changes_nothing(flips: int, tmp_path: Path) -> None:
    """A byte may lie in a gap of the file; then the content is still the one of the digest."""
    content = TRACE.read_bytes()
    digest = open_trace(TRACE).attrs["digest"]
    rng = np.random.default_rng(1)
    refused = 0
    for place in rng.integers(0, len(content), flips):
        path = tmp_path / "flipped.nc"
        path.write_bytes(
            content[:place] + bytes([content[place] ^ (1 << int(rng.integers(8)))]) + content[place + 1 :]
        )
        try:
            tree = open_trace(path)
        except TraceError:
            refused += 1
        else:
            assert tree_digest(tree) == digest == tree.attrs["digest"]
    assert refused > flips // 10


@pytest.mark.parametrize("name", some(["hardware-2026.11", "prior-sweep-power-2026.11", "stack-2026.11"], 3))
def test_released_traces_of_every_kind_are_damaged_and_refused_or_the_same(name: str, tmp_path: Path) -> None:
    path, release = find_trace(name)
    content, rng = path.read_bytes(), np.random.default_rng(2)
    for among in (len(content), 20_000, 2_000):
        place = int(rng.integers(among))
        flipped = bytes([content[place] ^ (1 << int(rng.integers(8)))])
        for damaged in (content[:place], content[:place] + flipped + content[place + 1 :]):
            (tmp_path / "damaged.nc").write_bytes(damaged)
            try:
                tree = open_trace(tmp_path / "damaged.nc", kind="any")
            except TraceError:
                continue
            assert release is not None
            assert tree_digest(tree) == release.digest


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../../../etc/passwd", "cannot read|not a readable"),
        ("reference-2026.11/../../systems.csv", "cannot read|not a readable"),
        ("..", "is a folder"),
        ("", "expected the path of a trace"),
        ("reference-2026.11\0.nc", "expected the path of a trace"),
        (
            "reference-2099.01",
            "no released trace is named 'reference-2099.01'; expected one of reference-2026.11",
        ),
        ("mine", "no released trace is named 'mine'"),
        ("https://example.org/reference-2026.11.nc", "cannot read"),
        ("/dev/zero", "device or pipe"),
        ("traces/reference-2026.11", "cannot read"),
    ],
)
def test_odd_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        open_trace(name)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace.nc")
    with pytest.raises(TraceError, match="device or pipe"):
        open_trace(tmp_path / "trace.nc")


@pytest.mark.parametrize("name", BY_HDF5)
def test_what_no_trace_holds_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    write(name, TRACE, tmp_path / "trace.nc")
    with (tmp_path / "trace.nc").open("rb") as file, pytest.raises((TraceError, UnreadableError)):
        check_layout(_tree(read_here(file)))


@pytest.mark.parametrize("name", [*BY_BYTES, "30 million elements", "a chunk that inflates to more"])
def test_a_file_made_to_do_harm_is_refused_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    write(name, TRACE, tmp_path / "trace.nc")
    with pytest.raises(TraceError, match=r"trace\.nc"):
        open_trace(tmp_path / "trace.nc")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2**20  # KiB


def test_a_file_that_crashes_the_library_or_never_ends_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trace.nc").write_bytes(TRACE.read_bytes())
    for code, message in (("os.abort()", "ended with code -6"), ("os.kill(os.getpid(), 24)", "over 8 s")):
        child = f"import os; print('ready', flush=True); {code}"
        monkeypatch.setattr("scaling_bayes.trace.hdf5._CHILD", child)
        with pytest.raises(TraceError, match=message):
            open_trace(tmp_path / "trace.nc")


def stored(tree: xr.DataTree, path: Path) -> Path:
    """Write a tree as `save_trace` does, whatever it holds, with a digest that fits."""
    tree.attrs["digest"] = tree_digest(tree)
    path.write_bytes(bytes(tree.to_netcdf(engine="h5netcdf")))
    return path


def of_variable(name: str, values: object) -> Callable[[xr.DataTree], None]:
    def edit(tree: xr.DataTree) -> None:
        group, variable = name.split("/")
        dataset = tree[group].to_dataset()
        if variable in dataset.coords:
            dataset = dataset.assign_coords({variable: values})
        else:
            changed = dataset[variable].values.copy()
            changed.flat[0] = values
            dataset[variable] = dataset[variable].copy(data=changed)
        tree[group] = xr.DataTree(dataset)

    return edit


def of_manifest(change: Callable[[dict], object]) -> Callable[[xr.DataTree], None]:
    def edit(tree: xr.DataTree) -> None:
        content = json.loads(tree.attrs["manifest"])
        change(content)
        tree.attrs["manifest"] = json.dumps(content)

    return edit


#: Traces that agree with their digest and are none, and what is said of them.
HAND_MADE: dict[str, tuple[Callable[[xr.DataTree], None], str]] = {
    "a bad date": (of_variable("constant_data/publication_date", "31/12/2019"), "publication_date"),
    "a system of no task": (of_variable("constant_data/system_task", "nowhere"), "system_task"),
    "a task twice": (of_variable("posterior/task", ["a", "a"]), "a label twice"),
    "other systems": (of_variable("log_likelihood/system", list("abcdefghij")), "other labels"),
    "an infinite slope": (of_variable("posterior/slope", np.inf), "posterior/slope"),
    "a negative slope": (of_variable("posterior/slope", -0.01), "posterior/slope: found -0.01"),
    "negative noise in the prior": (of_variable("prior/noise", -2.0), "prior/noise"),
    "a compute of 10^400 FLOP": (
        of_variable("constant_data/log10_training_compute_flop", 400.0),
        "log10_training_compute_flop: found 400",
    ),
    "a reference moved by one": (
        of_variable("constant_data/reference_log10_compute", 18.0),
        "by the systems",
    ),
    "a compute given otherwise": (of_variable("constant_data/training_compute_flop", 1e30), "by the systems"),
    "a year before computers": (of_variable("constant_data/publication_year", 19.0), "publication_year"),
    "a missing error": (of_variable("observed_data/error", np.nan), "observed_data/error"),
    "an error of 2": (of_variable("observed_data/error", 2.0), "outside"),
    "a paper that is not counted": (of_variable("constant_data/paper_index", 77), "paper_index"),
    "surrogates": (of_manifest(lambda m: m["data"].update(source="\ud800")), "no readable manifest"),
    "a huge whole number": (
        of_manifest(lambda m: m["priors"]["intercept"].update(sigma=10**400)),
        "no readable manifest",
    ),
    "a kind that is a list": (of_manifest(lambda m: m.update(kind=["fit"])), "kind"),
    "an unknown law": (of_manifest(lambda m: m["model"].update(law="cubic")), "law='cubic' is not known"),
    "another law": (of_manifest(lambda m: m["model"].update(law="saturating")), "no floor"),
    "an extra prior": (
        of_manifest(lambda m: m["priors"].update(x={"family": "Normal", "mu": 0, "sigma": 1})),
        "no x against",
    ),
    "a family that is a command": (
        of_manifest(lambda m: m["priors"]["intercept"].update(family="os.system")),
        "priors.intercept",
    ),
    "a switch without its prior": (of_manifest(lambda m: m["model"].update(robust=True)), "robust"),
    "a stack of nothing": (of_manifest(lambda m: m["model"].update(law="stack")), "stack"),
    "a time that is none": (lambda tree: tree.attrs.update(created="yesterday"), "created"),
    "an entry twice": (
        lambda tree: tree.attrs.update(
            manifest='{"kind": "fit", ' + tree.attrs["manifest"][1:-1] + ', "kind": "fit"}'
        ),
        "no readable manifest",
    ),
}


@pytest.mark.parametrize("name", some(HAND_MADE, 3))
def test_what_is_no_trace_is_refused_whatever_its_digest(name: str) -> None:
    edit, message = HAND_MADE[name]
    with TRACE.open("rb") as file:
        tree = _tree(read_here(file))
    edit(tree)
    with pytest.raises(TraceError, match=message):
        check_values(read_layout(tree, FIT_KIND))


def test_a_hand_made_trace_is_refused_though_its_digest_fits(tmp_path: Path) -> None:
    edit, message = HAND_MADE["a negative slope"]
    tree = open_trace(TRACE)
    edit(tree)
    with pytest.raises(TraceError, match=message):
        open_trace(stored(tree, tmp_path / "trace.nc"))


@pytest.mark.usefixtures("unplotted")
def test_names_with_script_stay_text(tmp_path: Path) -> None:
    """Whoever writes a file can give it any names and a digest that fits; the report shows them as text."""
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202e"
    tree = open_trace(TRACE)
    constant = tree["constant_data"].to_dataset()
    for name in ("system_name", "paper", "flags", "correction_reason", "device"):
        constant[name] = ("system", np.array([nasty] * constant.sizes["system"], object))
    constant["paper_url"] = ("system", np.array(["javascript:alert(3)"] * constant.sizes["system"], object))
    checks = tree["checks"].to_dataset()
    for name in ("worst", "meaning"):
        checks[name] = ("check", np.array([nasty] * checks.sizes["check"], object))
    content = json.loads(tree.attrs["manifest"])
    content["data"]["source"] = nasty
    content["versions"]["scaling_bayes"] = nasty
    attrs = {**tree.attrs, "manifest": json.dumps(content)}
    tree["constant_data"] = xr.DataTree(constant)
    tree["checks"] = xr.DataTree(checks)
    tree.attrs = attrs
    page = render_html(build_report(open_trace(save_trace(tree, tmp_path / "nasty.nc")), scenario=None))
    assert "alert(1)" in page
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    assert "javascript:" not in page
    assert "\u202e" not in page
    assert "49" not in page.split("alert(2)&gt;")[1][:10]


@pytest.mark.parametrize("code", ["raise OSError", "pass", "print('hello')", "import os; os._exit(3)"])
def test_where_no_process_of_its_own_starts_a_trace_is_still_read(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_bayes.trace.hdf5._CHILD", code)
    assert open_trace(TRACE).attrs["digest"]


@pytest.mark.parametrize(
    ("place", "value"),
    [("sys.executable", None), ("sys.executable", "/no/such/python"), ("sys.frozen", True)],
)
def test_a_program_without_an_interpreter_still_reads_a_trace(
    place: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, value, raising=False)
    assert open_trace(TRACE).attrs["digest"]


READ_UNDER_LIMITS = """
import resource, sys
from scaling_bayes import open_trace
name, most = sys.argv[2:]
resource.setrlimit(getattr(resource, name), (int(most), int(most)))
print(open_trace(sys.argv[1]).attrs["digest"])
"""


@pytest.mark.parametrize(("limit", "most"), some([("RLIMIT_AS", 3 * 2**29), ("RLIMIT_CPU", 6)], 2))
def test_under_limits_of_the_system_a_trace_is_still_read(limit: str, most: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_UNDER_LIMITS, TRACE, limit, str(most)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_what_could_not_be_opened_again_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = open_trace(TRACE)
    values = sum(
        np.asarray(variable.values, dtype=str if variable.dtype.kind == "O" else None).nbytes
        for node in tree.subtree
        for variable in node.to_dataset(inherit=False).variables.values()
    )
    monkeypatch.setattr("scaling_bayes.trace.safety.MAX_DECLARED_BYTES", values)
    save_trace(tree, tmp_path / "trace.nc")
    monkeypatch.setattr("scaling_bayes.trace.safety.MAX_DECLARED_BYTES", values - 1)
    with pytest.raises(TraceError, match=r"MiB of values.*such a trace holds at most"):
        save_trace(tree, tmp_path / "more.nc")
    assert not (tmp_path / "more.nc").exists()
