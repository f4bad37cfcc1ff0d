"""The parts of ci/nested: its command line, the choice of the host, its disks, and the runner's messages."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import BuiltImage
from fixtures.catalog.specs import Cell
from fixtures.commands.nested import kvm_hold, run_disk
from fixtures.commands.nested.arguments import HostPaths, parse
from fixtures.commands.nested.file_systems import make_file_system, take_directory
from fixtures.commands.nested.host_description import (
    PACKAGES,
    OuterAccelerator,
    choose_outer_accelerator,
    host_guest,
    host_platform,
    nested_kvm_enabled,
    refusals,
)
from fixtures.commands.nested.host_machine import HostRun
from fixtures.commands.nested.messages import decode, encode
from fixtures.commands.nested.runner import Port, run
from fixtures.core.deadline import Deadline
from fixtures.core.errors import (
    CommandTimeout,
    GuestCrashed,
    IronguestError,
    MediaFault,
    NoHardwareAssistance,
    Postmortem,
)
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.host.hardware_assistance import Assistance
from fixtures.host.kvm import Kvm
from fixtures.machine.health import Health
from fixtures.machine.qmp_journal import Journal
from fixtures.machine.wakeup import Wakeup
from fixtures.media.base_images import Image
from fixtures.media.prepared_images import PreparedImages, hand_over
from suites.selftest.support.machine_sample import cell, guest, no_progress
from suites.selftest.support.paths import ROOT

PROVEN = Assistance(True, True, ("it passed",), ())
UNPROVEN = Assistance(False, True, ("the CPU reports neither vmx nor svm",), ())
PATHS = HostPaths("/g", "/key.pem", "/baseline", "/bundle", "/images")


def pytest_arguments(*arguments: str, scale: float | None = 20.0) -> list[str]:
    return parse(list(arguments)).pytest_arguments(PATHS, scale)


# --- the command line ---


def test_pytest_gets_every_option_again_and_its_own_in_their_order() -> None:
    arguments = pytest_arguments(
        *(
            "--guest",
            "a,b",
            "-k",
            "boots",
            "--platform=pc-*",
            "--platform",
            "q35-bios-sata,cpus=2",
            "--cold",
            "-x",
        ),
        *("--plan", "default", "suites/boot", f"{ROOT}/suites/storage"),
    )
    assert arguments == [
        *("--accel=kvm", "--bundle=/bundle", "--prepared-images=/images", "--timeout-scale=20"),
        *("--guest=a,b", "--platform=pc-*", "--platform=q35-bios-sata,cpus=2", "--plan=default", "--cold"),
        *("-k", "boots", "-x", "suites/boot", "suites/storage"),
    ]


def test_files_and_directories_are_named_as_the_host_has_them(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    arguments = pytest_arguments(
        f"--sign-key={key}",
        "--guests-dir",
        str(tmp_path),
        "--guests-dir",
        str(tmp_path),
        "--baseline",
        str(tmp_path),
    )
    assert arguments[4:] == [
        "--guests-dir=/g/0",
        "--guests-dir=/g/1",
        "--sign-key=/key.pem",
        "--baseline=/baseline",
    ]
    assert str(tmp_path) not in " ".join(arguments)


@pytest.mark.parametrize(
    ("own", "scale", "expected"), [("3", 20.0, "3"), (None, 20.0, "20"), (None, None, None)]
)
def test_the_scale_of_timeouts_is_the_users_or_the_hosts(
    own: str | None, scale: float | None, expected: str | None
) -> None:
    arguments = pytest_arguments(*([] if own is None else ["--timeout-scale", own]), scale=scale)
    seen = [word for word in arguments if word.startswith("--timeout-scale")]
    assert seen == ([] if expected is None else [f"--timeout-scale={expected}"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--bundle", "there"],
            "--bundle does not go with ci/nested: name the bundle's directory with --out",
        ),
        (["--replay=there"], "--replay does not go with ci/nested"),
        (["--list-cells"], "run pytest --list-cells"),
        (["--prepared-images", "x"], "--prepared-images does not go"),
        (["--accel", "tcg"], "it runs guests under KVM"),
        (["--accel", "xen"], "invalid choice: 'xen'"),
        (["--keep-machine", "failed"], "the disks end with the host"),
        (["--guests-dir", "/nowhere"], "--guests-dir /nowhere: is not a directory"),
        (["--sign-key", "/nowhere"], "--sign-key /nowhere: there is no such file or directory"),
        (["--out"], "expected one argument (see ci/nested --help)"),
        (["--host-log", __file__], f"--host-log {__file__}: is not a directory"),
    ],
)
def test_wrong_usage_is_refused_with_its_remedy(arguments: list[str], words: str) -> None:
    with pytest.raises(IronguestError, match=re.escape(words)):
        parse(arguments)


# --- the host ---


def test_the_host_has_what_ci_setup_installs() -> None:
    script = (ROOT / "ci/setup").read_text()
    body = script[script.index("look_for_packages() {") : script.index("remedy() {")]
    body = body[: body.index("if ((EUID != 0))")] + body[body.index("look_for_python() {") :]
    named = set(re.findall(r"^ +need \S+ (\S+) ", body, re.MULTILINE)) | set(
        re.findall(r"^ +(?:if .*; then )?lack (\S+) ", body, re.MULTILINE)
    )
    # Debian 12 has one package for all modules of QEMU, and no version in the name of its package for venv.
    assert named - {"qemu-system-modules-spice", '"python$version-venv"'} <= set(PACKAGES)
    assert len(named) > 15


@pytest.mark.parametrize(
    ("assistance", "nested", "name", "words"),
    [
        (PROVEN, True, "kvm", "under KVM, which offers nested virtualization"),
        (PROVEN, False, "tcg", "pytest without ci/nested runs guests under this machine's KVM"),
        (UNPROVEN, True, "tcg", "emulated, with AMD-V: the CPU reports neither vmx nor svm"),
        (UNPROVEN, False, "tcg", "emulated, with AMD-V"),
    ],
)
def test_the_host_runs_under_kvm_where_its_guests_can_have_kvm(
    assistance: Assistance, nested: bool, name: str, words: str
) -> None:
    outer = choose_outer_accelerator(assistance, nested=nested)
    assert (outer.accelerator.name, outer.is_emulated) == (name, name == "tcg")
    assert words in outer.reason


@pytest.mark.parametrize(
    ("module", "value", "expected"),
    [("kvm_intel", "Y\n", True), ("kvm_amd", "1\n", True), ("kvm_amd", "0\n", False), ("kvm", "Y\n", False)],
)
def test_the_parameter_of_the_module_says_whether_guests_get_virtualization(
    module: str, value: str, expected: bool, tmp_path: Path
) -> None:
    parameters = tmp_path / module / "parameters"
    parameters.mkdir(parents=True)
    (parameters / "nested").write_text(value)
    assert nested_kvm_enabled(tmp_path) == expected


def test_an_emulated_host_has_amd_v_and_no_xsave() -> None:
    flags = host_platform(is_emulated=True, cpus=2).cpu.split(",")
    assert {"+svm", "+npt", "-xsave", "-avx", "-avx2", "-fma", "-f16c"} <= set(flags)
    assert host_platform(is_emulated=False, cpus=64).cpu == "host"
    assert [host_platform(is_emulated=True, cpus=cpus).cpus for cpus in (1, 2, 64)] == [1, 2, 4]
    assert isinstance(host_guest().image, BuiltImage)


def cells_of(*platforms: str) -> list[Cell]:
    catalog = Catalog.load([SHIPPED_GUESTS])
    arm64 = "virt-uefi-virtio"
    return [catalog.cell(f"debian-12{'-arm64' if name == arm64 else ''}@{name}") for name in platforms]


@pytest.mark.parametrize(
    ("assistance", "platforms", "refused"),
    [
        (
            UNPROVEN,
            ["pc-bios-ide", "q35-uefi-virtio", "q35-uefi-secure"],
            ["q35-uefi-secure", "q35-uefi-virtio"],
        ),
        (PROVEN, ["pc-bios-ide", "q35-uefi-virtio"], []),
        (PROVEN, ["virt-uefi-virtio"], ["virt-uefi-virtio"]),
    ],
)
def test_platforms_that_the_host_cannot_run_are_named(
    assistance: Assistance, platforms: list[str], refused: list[str]
) -> None:
    outer: OuterAccelerator = choose_outer_accelerator(assistance, nested=True)
    assert [line.partition(":")[0] for line in refusals(cells_of(*platforms), outer)] == refused


# --- the disks ---


def test_a_directory_comes_back_from_a_file_system(tmp_path: Path) -> None:
    content = tmp_path / "content"
    (content / "bundle/evidence/a b").mkdir(parents=True)
    (content / "bundle/report.json").write_text("{}")
    (content / "bundle/evidence/a b/answers.jsonl").write_bytes(b"\0answer" * 99_999)
    (content / "cache").mkdir()
    disk = tmp_path / "disk.raw"
    make_file_system(content, disk, 64 << 20)
    assert take_directory(disk, "bundle", tmp_path / "out")
    came = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert came == {"report.json", "evidence/a b/answers.jsonl"}
    assert (tmp_path / "out/evidence/a b/answers.jsonl").read_bytes() == b"\0answer" * 99_999
    assert not take_directory(disk, "cache", tmp_path / "nothing")
    assert not take_directory(disk, "absent", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(MediaFault, match="disk small.raw of the nested host"):
        make_file_system(content, tmp_path / "small.raw", 256 << 10)


def test_the_checkout_is_handed_over_as_it_is_now(tmp_path: Path) -> None:
    run_disk.copy_project(tmp_path / "checkout")
    # This file may be new and not committed.
    assert (tmp_path / "checkout/suites/selftest/commands" / Path(__file__).name).read_bytes() == Path(
        __file__
    ).read_bytes()
    assert os.access(tmp_path / "checkout/ci/setup", os.X_OK)
    assert not list((tmp_path / "checkout/.venv").iterdir())
    script = "from fixtures.run.run_start import checkout; print(checkout())"
    command = [sys.executable, "-P", "-c", script]
    seen = [
        subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
        ).stdout
        for root in (ROOT, tmp_path / "checkout")
    ]
    assert seen[0].split(",")[0] == seen[1].split(",")[0]


def test_images_are_used_as_they_were_handed_over(tmp_path: Path) -> None:
    disk, handed, work = tmp_path / "disk.raw", tmp_path / "handed", tmp_path / "work"
    handed.mkdir()
    work.mkdir()
    disk.write_bytes(b"data" * 512)
    spec = guest(path=str(disk), format="raw")
    one = Cell.of(spec, cell().platform)
    image = PreparedImages(work, no_progress).image_of(one)
    hand_over(image, one, handed)
    hand_over(image, one, handed)
    disk.unlink()
    (tmp_path / "host").mkdir()
    taken = PreparedImages(tmp_path / "host", no_progress, handed_in=handed).image_of(one)
    assert taken == Image(
        handed / f"image-{spec.id}.disk", "raw", image.digest, image.source, image.customisations
    )
    (handed / f"image-{spec.id}.disk").write_bytes(b"else" * 512)
    (tmp_path / "next").mkdir()
    with pytest.raises(MediaFault, match=r"expected sha256:\w+, found sha256:\w+"):
        PreparedImages(tmp_path / "next", no_progress, handed_in=handed).image_of(one)


# --- the runner ---


def test_messages_survive_pieces_and_noise() -> None:
    data = encode("output", "ä\n") + b"noise\n[1]\n{}\n" + encode("ended", 3)
    seen: list[tuple[str, Any]] = []
    rest = b""
    for byte in data:
        messages, rest = decode(rest + bytes([byte]))
        seen += messages
    assert (seen, rest) == ([("output", "ä\n"), ("ended", 3)], b"")


def output(connection: socket.socket) -> str:
    """The output in the messages that wait in ``connection``, whose other end is shut down."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return "".join(value for kind, value in decode(data)[0] if kind == "output")


def test_the_runner_relays_output_and_exit_status(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    script = "import sys; print('ä'); print('to stderr', file=sys.stderr, flush=True); sys.exit(5)"
    status = run(Port(theirs.fileno()), [sys.executable, "-X", "utf8", "-c", script], tmp_path)
    ours.shutdown(socket.SHUT_WR)
    theirs.shutdown(socket.SHUT_WR)
    assert status == 5
    assert sorted(output(ours).split()) == ["stderr", "to", "ä"]


def test_a_cancelled_run_is_interrupted_and_ends_itself(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    script = """
import signal, sys
def interrupted(*_): print("writing the report", flush=True); sys.exit(2)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
signal.pause()
"""
    ended: list[int] = []
    thread = threading.Thread(
        target=lambda: ended.append(run(Port(theirs.fileno()), [sys.executable, "-c", script], tmp_path))
    )
    thread.start()
    assert b"ready" in ours.recv(65536)
    ours.sendall(encode("cancel", True))
    thread.join(30)
    ours.shutdown(socket.SHUT_WR)
    theirs.shutdown(socket.SHUT_WR)
    assert ended == [2]
    assert output(ours).strip() == "writing the report"


# --- the run on the host ---


@dataclasses.dataclass
class HostSample:
    """A host without a machine: ``far`` is the runner's end of its port, ``scale`` stretches its deadlines."""

    directory: Path
    scale: float = 1.0

    def __post_init__(self) -> None:
        near, self.far = socket.socketpair()
        wakeup = Wakeup()
        health = Health("nested host", Journal(self.directory / "qmp.jsonl", wakeup), wakeup)
        self.shown: list[str] = []
        machine = SimpleNamespace(
            virtio_port=near, wakeup=wakeup, health=health, deadline=self.deadline, postmortem=Postmortem
        )
        instance: Any = SimpleNamespace(machine=machine, shell=None)
        self.health = health
        self.run = HostRun(instance, self.shown.append)

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.scale)


def test_a_run_shows_output_and_ends_with_the_exit_status(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.far.sendall(
        encode("output", "one\n") + encode("alive", 5) + encode("output", "two") + encode("ended", 2)
    )
    assert host.run.wait() == 2
    assert host.shown == ["one\n", "two"]
    host.run.cancel()
    assert decode(host.far.recv(4096))[0] == [("cancel", True)]


def test_a_host_without_kvm_is_named_with_its_reasons(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.far.sendall(encode("refused", ["/dev/kvm does not exist: load the module kvm_amd"]))
    with pytest.raises(
        NoHardwareAssistance, match="cannot run guests under KVM:\n  .*load the module kvm_amd"
    ):
        host.run.wait()


def test_a_host_without_a_sign_of_life_hangs(tmp_path: Path) -> None:
    host = HostSample(tmp_path, scale=0.001)
    with pytest.raises(CommandTimeout, match="the nested host hangs: no sign of life for 0.06 s"):
        host.run.wait()
    with pytest.raises(CommandTimeout, match="pytest did not end within 0.024 s"):
        HostSample(tmp_path, scale=0.001).run.wait_for_cancellation()


def test_the_first_failure_of_the_host_ends_the_run(tmp_path: Path) -> None:
    host = HostSample(tmp_path)
    host.health.add(lambda: GuestCrashed("nested host: kernel panic"))
    with pytest.raises(GuestCrashed, match="kernel panic"):
        host.run.wait()


def test_kvm_stays_in_use_and_is_taken_up_with_one_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpus = [tmp_path / f"cpu{number}" / "online" for number in (1, 2, 3)]
    for path, online in zip(cpus, "110", strict=True):
        path.parent.mkdir()
        path.write_text(online)
    seen: list[list[str]] = []
    read, write = os.pipe()

    class Device:
        def __enter__(self) -> Device:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def create_machine(self) -> int:
            seen.append([path.read_text() for path in cpus])
            return write

    monkeypatch.setattr(kvm_hold, "Kvm", Device)
    with kvm_hold.kvm_in_use(tmp_path):
        seen.append([path.read_text() for path in cpus])
        os.write(write, b"held")
    assert seen == [["0", "0", "0"], ["1", "1", "0"]]
    # The machine is closed.
    assert os.read(read, 8) == b"held"
    assert os.read(read, 8) == b""
    os.close(read)


def test_a_host_whose_kvm_does_not_open_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Kvm:
        raise FileNotFoundError("/dev/kvm")

    monkeypatch.setattr(kvm_hold, "Kvm", refuse)
    with kvm_hold.kvm_in_use(tmp_path):
        pass
