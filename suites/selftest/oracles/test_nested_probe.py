"""The probe guest inside a guest: its monitor, the report, and the answer to the challenge."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.host import kvm, kvm_probe
from fixtures.host.kvm_probe import STEPS, ProbeResult, run_probe
from fixtures.oracles import nested_probe
from fixtures.oracles.nested_probe import PAGE, NestedRun, disk_content, parse_entries, parse_report, solve
from suites.selftest.support.emulated_probe import emulate_probe

SOURCE = nested_probe.MONITOR.with_suffix(".S")
CHALLENGE = bytes(range(256))
ANSWERS, WORDS = solve(CHALLENGE)
STEP, ANSWER, EXIT = 0xE9, 0xEA, 0xF4
PASSED = [*((STEP, number) for number in range(1, 17)), *((ANSWER, value) for value in ANSWERS), (EXIT, 0x10)]


def report(
    stage: int,
    log: list[tuple[int, int]],
    *,
    error: int = 0,
    reason: int = 0,
    detail: int = 0,
    words: bytes = WORDS,
) -> bytes:
    """The pages that the monitor writes."""
    head = struct.pack("<8s7I4xQQ", b"IGREPORT", stage, error, reason, 90, len(log), 5, 2, detail, 0x1331)
    entries = b"".join(struct.pack("<II", *entry) for entry in log)
    return (head.ljust(64, b"\0") + entries).ljust(PAGE, b"\0") + (bytes(0x40) + words).ljust(PAGE, b"\0")


def test_a_report_of_success() -> None:
    assert parse_report(report(11, PASSED)) == NestedRun(ProbeResult(STEPS, None, ""), 90, ANSWERS, WORDS)


@pytest.mark.parametrize(
    ("data", "failed", "why"),
    [
        (bytes(2 * PAGE), "monitor", "the monitor wrote no report to the disk"),
        (report(77, []), "monitor", "the monitor wrote no report to the disk"),
        (report(1, [], error=errno.ENOENT), "opening /dev/kvm", "No such file or directory"),
        (report(2, [], detail=11), "asking for KVM's version", "KVM's API version is 11, not 12"),
        (report(3, [], error=errno.EBUSY), "creating a machine", "Device or resource busy"),
        (report(10, PASSED[:3], reason=5), "long-mode", "the CPU halted, at rip 0x1331"),
        (report(10, PASSED[:3], reason=8), "long-mode", "triple fault, at rip 0x1331"),
        (
            report(10, PASSED[:8], reason=17, detail=8 << 32 | 1),
            "cmpxchg16b",
            "KVM internal error, suberror 1, at rip 0x1331",
        ),
        (
            report(9, PASSED[:2], error=errno.EINTR),
            "protected-mode",
            "the probe guest did not leave this step within its time limit, at rip 0x1331",
        ),
        (
            report(9, [], error=errno.EFAULT),
            "first-instruction",
            "KVM refused to run the probe guest: Bad address, at rip 0x1331",
        ),
        (
            report(9, [(STEP, 1)] * 504),
            "real-mode",
            "the probe guest wrote to ports more than 504 times, at rip 0x1331",
        ),
        (report(11, [*PASSED[:2], (EXIT, 0x11)]), "protected-mode", "the guest computed a wrong result"),
        (
            report(11, [(STEP, 1), (EXIT, 0x10)]),
            "protected-mode",
            "the guest reported success without this step",
        ),
    ],
)
def test_a_report_of_failure_names_the_step_and_the_reason(data: bytes, failed: str, why: str) -> None:
    probe = parse_report(data).probe
    assert (probe.failed, probe.why) == (failed, why)


def test_a_report_that_claims_more_than_it_holds_is_read_to_its_end() -> None:
    damaged = bytearray(report(11, PASSED))
    struct.pack_into("<I", damaged, 24, 1 << 31)
    assert parse_report(bytes(damaged)).probe.failed == "syscall"


def test_entries_are_summed_over_the_cpus() -> None:
    cpus = [{"provider": "kvm", "stats": [{"name": "nested_run", "value": value}]} for value in (40, 2)]
    assert parse_entries(cpus) == 42
    assert parse_entries([]) is None


def test_every_word_of_the_challenge_changes_the_answer() -> None:
    for index in range(0, len(CHALLENGE), 8):
        changed = bytearray(CHALLENGE)
        changed[index] ^= 1
        answers, words = solve(bytes(changed))
        assert answers[0] != ANSWERS[0], index
        assert words != WORDS, index


def test_a_challenge_has_one_size() -> None:
    with pytest.raises(ValueError, match="a challenge has 256 bytes, not 3"):
        disk_content(b"abc", 1)


def test_the_probe_guest_solves_the_challenge(tmp_path: Path) -> None:
    page = disk_content(CHALLENGE, 1)[3 * PAGE :]
    result, memory = emulate_probe(tmp_path, kvm_probe.IMAGE.read_bytes(), challenge=page)
    assert result.failed is None
    assert memory[0x40:0x140] == WORDS, "the words in the probe guest's memory"


def test_the_monitor_matches_the_assembled_source(tmp_path: Path) -> None:
    absent = [tool for tool in ("as", "ld", "objcopy") if shutil.which(tool) is None]
    if absent:
        pytest.skip(f"tool absent: {', '.join(absent)} of binutils, so the monitor is not assembled")
    if platform.machine() != "x86_64":
        pytest.skip(f"architecture: binutils of {platform.machine()} do not assemble x86-64")
    assembled, linked, binary = (tmp_path / name for name in ("monitor.o", "monitor.elf", "monitor.bin"))
    subprocess.run(["as", "--64", "-o", assembled, SOURCE], check=True)
    link: list[str | Path] = [
        "ld",
        "-m",
        "elf_x86_64",
        "-Ttext=0",
        "-e",
        "start",
        "--build-id=none",
        "-o",
        linked,
        assembled,
    ]
    subprocess.run(link, check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, binary], check=True)
    assert binary.read_bytes() == nested_probe.MONITOR.read_bytes()
    assert nested_probe.MONITOR.stat().st_size <= PAGE


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """The monitor as a program of this host."""
    if platform.machine() != "x86_64":
        pytest.skip(
            f"architecture: the monitor is a program for x86-64, and this host is {platform.machine()}"
        )
    program = tmp_path / "monitor"
    shutil.copyfile(nested_probe.MONITOR, program)
    program.chmod(0o755)
    return program


def test_the_monitor_refuses_other_disks(monitor: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(bytes(nested_probe.DISK_SIZE))
    arguments: list[list[Path]] = [[], [tmp_path / "absent"], [other]]
    assert [subprocess.run([monitor, *each], check=False, timeout=20).returncode for each in arguments] == [
        2,
        3,
        4,
    ]
    assert other.read_bytes() == bytes(nested_probe.DISK_SIZE)


def run_monitor(monitor: Path, disk: Path, content: bytes) -> NestedRun:
    """Run the monitor on this host instead of a guest."""
    if not os.access(kvm.DEVICE, os.R_OK | os.W_OK):
        pytest.skip(f"no KVM: {kvm.DEVICE} does not open")
    disk.write_bytes(content.ljust(nested_probe.DISK_SIZE, b"\0"))
    subprocess.run([monitor, disk], check=True, timeout=60)
    offset, length = nested_probe.REPORT_RANGE
    return parse_report(disk.read_bytes()[offset : offset + length])


def test_the_monitor_and_the_host_agree_about_this_hosts_kvm(monitor: Path, tmp_path: Path) -> None:
    challenge = os.urandom(nested_probe.CHALLENGE_SIZE)
    run = run_monitor(monitor, tmp_path / "disk", disk_content(challenge, 5))
    expected = run_probe()
    assert (run.probe.passed, run.probe.absent, run.probe.failed) == (
        expected.passed, expected.absent, expected.failed,
    )  # fmt: skip
    assert ((run.answers, run.words) == solve(challenge)) is (expected.failed is None)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("f4", "the CPU halted, at rip 0x1001"),
        ("eb fe", "the probe guest did not leave this step within its time limit, at rip 0x1000"),
        ("e6 80 eb fc", "the probe guest wrote to ports more than 504 times"),
        ("b0 11 e6 f4", "the guest computed a wrong result"),
    ],
    ids=["halts", "hangs", "floods", "gives up"],
)
def test_the_monitor_ends_every_probe_guest(monitor: Path, tmp_path: Path, code: str, why: str) -> None:
    content = disk_content(CHALLENGE, 1, image=bytes.fromhex(code))
    probe = run_monitor(monitor, tmp_path / "disk", content).probe
    assert probe.failed == "first-instruction"
    assert probe.why.startswith(why)
