"""The commands of ci/: what they say and how they end. Nothing is downloaded or installed here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from suites.selftest.support.paths import ROOT

SCRIPTS = (
    "ci/setup",
    "ci/certify",
    "ci/selftest",
    "ci/verify",
    "ci/report",
    "ci/compare",
    "ci/matrix",
    "ci/merge",
    "ci/nested",
    "ci/shard",
    "ci/images",
    "ci/describe",
    "ci/bench",
    ".ci/run",
)
TOOLS = (
    "qemu-system-x86_64", "qemu-img", "mmdebstrap", "gpg", "mke2fs", "mkfs.vfat", "mkfs.xfs", "mkfs.btrfs", "mcopy", "sfdisk", "swtpm",
    "arch-test", "tesseract",
    "setpriv", "as", "fakeroot", "newuidmap",
)  # fmt: skip
SYSTEM = (
    "bash", "cat", "chmod", "cp", "cut", "dirname", "env", "flock", "grep", "mkdir", "mktemp", "realpath",
    "rm", "sha256sum", "sleep",
)  # fmt: skip
# A Python that is quick: its environments hold a copy of it, and its pip refuses the word "refused".
PYTHON = """\
#!/bin/sh
case "$*" in
"-c import ensurepip"*) ;;
"-c "*) echo 3.12 HERE ;;
"-m venv --clear "*)
    rm -rf "$4"
    mkdir -p "$4/bin"
    cp "$0" "$4/bin/python"
    cp "$0" "$4/bin/pip"
    sleep 0.3
    ;;
"-m pip install "*" --require-hashes "*)
    for last; do true; done
    if grep refused "$last"; then exit 1; fi
    ;;
"-m pip install "*" --editable "*) ;;
*) exit 98 ;;
esac
"""


def run(
    script: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def programs(directory: Path, *names: str) -> Path:
    """A directory for PATH with these of the system's programs, and none else."""
    directory.mkdir(exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found is not None, name
        (directory / name).symlink_to(found)
    return directory


def stub(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository that holds ci/ alone and asks for no Python package."""
    shutil.copytree(ROOT / "ci", tmp_path / "copy/ci")
    (tmp_path / "copy/ci/requirements.txt").write_text("# none\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH where every tool seems to be installed and nothing can be installed."""
    directory = programs(tmp_path / "bin", *SYSTEM)
    for name in TOOLS:
        stub(directory / name, "#!/bin/sh\nexit 99\n")
    stub(directory / "qemu-system-x86_64", "#!/bin/sh\necho 'name \"qxl-vga\", bus PCI'\n")
    stub(directory / "python3.12", PYTHON.replace("HERE", str(directory / "python3.12")))
    return directory


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_told_from_any_directory(script: str, option: str, tmp_path: Path) -> None:
    done = run(ROOT / script, option, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ci/")
    assert "Exit status: 0" in done.stdout


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("setup", ["--force"], "unknown argument '--force'"),
        ("certify", ["--out"], "--out needs a directory"),
        ("certify", ["--out="], "--out needs a directory"),
        ("certify", ["--out", "-x"], "--out needs a directory"),
        ("certify", ["--out", __file__], f"--out {__file__}: is not a directory"),
        ("certify", ["--guests-dir"], "--guests-dir needs a directory"),
        ("certify", ["--sign-key", "/nowhere.pem"], "--sign-key /nowhere.pem: there is no such file"),
        ("certify", ["--sign-key=/nowhere.pem"], "--sign-key /nowhere.pem: there is no such file"),
        ("images", ["fetch"], "arguments are required: guests (see ci/images fetch --help)"),
        ("images", ["list", "--again"], "unrecognized arguments: --again"),
        ("describe", [], "arguments are required: image (see ci/describe --help)"),
        ("describe", ["/nowhere"], "/nowhere: there is no such file"),
        ("describe", ["/tmp"], "/tmp: is not a file"),
        ("describe", ["--password", "x", __file__], "--password needs --user"),
        ("describe", ["--try", "--no-boot", __file__], "--try boots the image"),
        ("describe", ["--out", "x.txt", __file__], "expected a file ID.yaml"),
        ("describe", ["--boot-timeout", "soon", __file__], "--boot-timeout"),
        ("report", [], "arguments are required: directory (see ci/report --help)"),
        ("report", ["/nowhere"], "/nowhere: no run began here"),
        ("verify", [], "arguments are required: directory (see ci/verify --help)"),
        ("verify", ["/nowhere"], "/nowhere: is not a directory"),
        ("matrix", ["--plan", "none"], "plan 'none' is not described"),
        ("shard", ["/nowhere.json"], "arguments are required: shard"),
        ("shard", ["/nowhere.json", "0"], "/nowhere.json: cannot be read"),
        ("merge", ["/nowhere"], "arguments are required: --out"),
        ("merge", ["--out", "/tmp", "/nowhere"], "/tmp: exists already"),
        ("compare", ["--gate=always", "a", "b"], "invalid choice: 'always'"),
        ("certify", ["--bundle=there"], "--out DIR, not --bundle"),
        ("selftest", ["-q", "--plan", "default"], "--plan is for a run on guests"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_before_anything_is_done(
    script: str, arguments: list[str], words: str
) -> None:
    done = run(ROOT / "ci" / script, *arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert re.fullmatch(rf"ci/{script}: .*{re.escape(words)}.*\n", done.stderr)


def needs_files_of_packages() -> None:
    firmware = Path("/usr/share/qemu/firmware")
    keys = Path("/usr/share/keyrings")
    if not [*firmware.glob("*.json")] or not [*keys.glob("debian-archive-keyring.*")]:
        pytest.skip("this machine lacks firmware or Debian's keys, which ci/setup would install")


def test_setup_makes_an_environment_once_and_then_does_nothing(copy: Path, path: Path) -> None:
    needs_files_of_packages()
    environment = {"PATH": str(path)}
    first, second = (
        subprocess.Popen(
            [copy / "ci/setup"], env=environment, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
        for _ in range(2)
    )
    said = [process.communicate(timeout=60)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert "".join(said).count("making .venv") == 1
    stamp = copy / ".venv/.ironguest"
    made = stamp.stat().st_mtime_ns

    again = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "[setup] nothing is missing\n")
    assert stamp.stat().st_mtime_ns == made

    (copy / "ci/requirements.txt").write_text("# still none\n")
    changed = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert changed.returncode == 0, changed.stderr
    assert "making .venv" not in changed.stderr
    assert "installing the Python packages" in changed.stderr

    stamp.write_text("unfinished\n")
    (copy / ".venv/litter").touch()
    repaired = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert repaired.returncode == 0, repaired.stderr
    assert not (copy / ".venv/litter").exists()


def test_setup_shows_what_pip_said_when_it_fails(copy: Path, path: Path) -> None:
    needs_files_of_packages()
    (copy / "ci/requirements.txt").write_text("refused\n")
    failed = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert failed.returncode == 4
    assert failed.stderr.endswith("\nrefused\nci/setup: installing ci/requirements.txt failed, see above\n")
    assert (copy / ".venv/.ironguest").read_text() == "unfinished\n"


def test_without_apt_the_packages_are_listed(copy: Path, tmp_path: Path) -> None:
    bare = programs(tmp_path / "bare", *SYSTEM)
    done = run(copy / "ci/setup", PATH=str(bare), PYTHON=sys.executable)
    assert (done.returncode, done.stdout) == (4, "")
    missing = re.findall(r"^\[setup\] missing: (\S+) +\S.*", done.stderr, re.MULTILINE)
    assert {"qemu-system-x86", "qemu-utils", "mmdebstrap", "mtools", "binutils"} <= set(missing)
    last = done.stderr.splitlines()[-1]
    assert last == (
        "ci/setup: there is no apt-get on this machine; "
        f"install these packages, then run this again: {' '.join(missing)}"
    )
    assert not (copy / ".venv").exists()


@pytest.mark.parametrize("script", ["certify", "selftest"])
def test_a_machine_that_cannot_be_set_up_is_no_verdict(script: str, copy: Path, tmp_path: Path) -> None:
    bare = programs(tmp_path / "bare", *SYSTEM)
    done = run(copy / "ci" / script, PATH=str(bare), PYTHON=sys.executable)
    assert done.returncode == 4
    assert "there is no apt-get on this machine" in done.stderr


def test_what_apt_said_is_shown_when_it_fails(copy: Path, path: Path) -> None:
    (path / "mmdebstrap").unlink()
    stub(path / "apt-get", "#!/bin/sh\necho no network\nexit 1\n")
    stub(path / "sudo", '#!/bin/sh\ntest "$1" = -n || exec "$@"\n')
    done = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert done.returncode == 4
    assert "\nno network\nci/setup: apt-get failed, see above; install these packages" in done.stderr


def test_a_python_that_is_too_old_is_named(copy: Path, path: Path) -> None:
    (path / "python3.12").unlink()
    old = stub(path / "python3", "#!/bin/sh\necho 3.10 /usr/bin/python3.10\n")
    chosen = run(copy / "ci/setup", PATH=str(path), PYTHON="")
    assert chosen.returncode == 4
    assert chosen.stderr.startswith("ci/setup: Python 3.11 or later is needed, and python3 is 3.10;")
    named = run(copy / "ci/setup", PATH=str(path), PYTHON=str(old))
    assert named.returncode == 4
    assert named.stderr == f"ci/setup: PYTHON={old} is not a Python 3.11 or later ({old} is 3.10)\n"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    text = (ROOT / "ci/requirements.txt").read_text()
    return {
        normal(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    }


def test_every_dependency_is_pinned_with_a_digest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"], "flit-core", "hypothesis"]
    names = {normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in wanted}
    assert names <= set(pins())
    assert pins()["qemu-qmp"] == "0.0.6"
    text = (ROOT / "ci/requirements.txt").read_text()
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_what_is_installed_here_is_what_is_pinned() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    installed = {
        normal(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", asked, re.MULTILINE)
    }
    if not (Path(sys.prefix) / ".ironguest").exists():
        pytest.skip("this environment was not made by ci/setup")
    assert {name: installed.get(name) for name in pins()} == pins()
