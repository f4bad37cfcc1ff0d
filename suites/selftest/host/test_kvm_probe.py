"""The probe guest: its traces, its success and failure, and that the binary matches the source."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.core.deadline import Deadline
from fixtures.host import kvm, kvm_probe
from fixtures.host.hardware_assistance import detect_assistance
from fixtures.host.kvm_probe import STEPS, Ending, ProbeResult, interpret, run_probe
from suites.selftest.support.emulated_probe import emulate_probe

SOURCE = kvm_probe.IMAGE.with_suffix(".S")
ALL = bytes(range(1, len(STEPS) + 1))
CMPXCHG16B = bytes.fromhex("f0 48 0f c7 0f")


def test_all_steps_and_the_status_for_success_pass() -> None:
    assert interpret(ALL, Ending(0x10)) == ProbeResult(STEPS, None, "")


def test_an_absent_feature_is_not_a_failure() -> None:
    trace = ALL.replace(b"\x0a", b"\x8a")
    result = interpret(trace, Ending(0x10))
    assert result.failed is None
    assert result.absent == ("clwb",)
    assert "clwb" not in result.passed


def test_success_without_a_step_is_a_failure() -> None:
    result = interpret(ALL.replace(b"\x08", b""), Ending(0x10))
    assert (result.failed, result.why) == ("cmpxchg16b", "the guest reported success without this step")


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (Ending(0x11), "the guest computed a wrong result"),
        (Ending(0x4D), "unexpected exception 13 (general protection)"),
        (Ending(0x4E, where=0x1331), "unexpected exception 14 (page fault) at rip 0x1331"),
        (Ending(0x99), "the guest ended with the unknown status 0x99"),
        (Ending(None, "triple fault at rip 0x0"), "triple fault at rip 0x0"),
    ],
)
def test_the_last_step_that_began_failed(ending: Ending, why: str) -> None:
    assert interpret(b"\x01\x02\x03", ending) == ProbeResult(STEPS[:2], "long-mode", why)


def test_a_guest_without_output_failed_at_its_first_instruction() -> None:
    assert interpret(b"", Ending(None, "x")).failed == "first-instruction"


def test_step_names_and_numbers_match_the_source() -> None:
    numbered = re.findall(r"\.set\s+STEP_(\w+), (\d+)", SOURCE.read_text(encoding="utf-8"))
    assert [name.lower().replace("_", "-") for name, _ in numbered] == list(STEPS)
    assert [int(number) for _, number in numbered] == list(ALL)


def test_the_binary_matches_the_assembled_source(tmp_path: Path) -> None:
    tools = ("as", "ld", "objcopy")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        pytest.skip(
            f"tool absent: {', '.join(absent)} of binutils, so kvm_probe.bin is not compared with kvm_probe.S"
        )
    if platform.machine() != "x86_64":
        pytest.skip(f"architecture: binutils of {platform.machine()} do not assemble x86-64")
    assembled, linked, binary = (
        tmp_path / name for name in ("kvm_probe.o", "kvm_probe.elf", "kvm_probe.bin")
    )
    address = f"-Ttext={kvm_probe.LOAD_ADDRESS:#x}"
    subprocess.run(["as", "--64", "-o", assembled, SOURCE], check=True)
    subprocess.run(
        ["ld", "-m", "elf_x86_64", address, "-e", "start", "--build-id=none", "-o", linked, assembled],
        check=True,
    )
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, binary], check=True)
    assert binary.read_bytes() == kvm_probe.IMAGE.read_bytes()
    assert kvm_probe.IMAGE.stat().st_size <= 4096


def emulate(directory: Path, image: bytes, cpu: str = "max") -> ProbeResult:
    """Run an image in software."""
    return emulate_probe(directory, image, cpu)[0]


def test_the_guest_passes_every_step_on_a_cpu_with_every_feature(tmp_path: Path) -> None:
    assert emulate(tmp_path, kvm_probe.IMAGE.read_bytes()) == ProbeResult(STEPS, None, "")


def test_the_guest_skips_features_that_an_old_cpu_does_not_report(tmp_path: Path) -> None:
    result = emulate(tmp_path, kvm_probe.IMAGE.read_bytes(), cpu="qemu64")
    assert result.failed is None
    assert result.absent == ("clflushopt", "clwb", "xsave")


def test_the_guest_notices_a_wrong_result(tmp_path: Path) -> None:
    image = kvm_probe.IMAGE.read_bytes()
    compared = bytes.fromhex("48 83 3f 03")  # cmpq $3, (%rdi): compares the value that the exchange stored
    assert image.count(compared) == 1
    result = emulate(tmp_path, image.replace(compared, bytes.fromhex("48 83 3f 04")))
    assert (result.failed, result.why) == ("cmpxchg16b", "the guest computed a wrong result")


def test_the_guest_reports_an_instruction_that_the_cpu_refuses(tmp_path: Path) -> None:
    image = kvm_probe.IMAGE.read_bytes()
    assert CMPXCHG16B in image
    result = emulate(tmp_path, image.replace(CMPXCHG16B, bytes.fromhex("0f 0b 90 90 90")))  # ud2
    assert result.failed == "cmpxchg16b"
    assert result.why.startswith("unexpected exception 6 (invalid opcode)")
    assert result.passed == STEPS[: STEPS.index("cmpxchg16b")]


def test_a_device_that_does_not_exist_is_a_named_failure(tmp_path: Path) -> None:
    result = run_probe(device=tmp_path / "kvm")
    assert result.failed == "open"
    assert str(tmp_path / "kvm") in result.why


def test_a_device_other_than_kvm_is_a_named_failure() -> None:
    result = run_probe(device=Path(os.devnull))
    assert result.failed == "create-machine"
    assert "ioctl" in result.why


def test_a_hang_ends_at_the_deadline_and_names_the_step() -> None:
    output = "".join(f'{{"step": {number}}}\n' for number in (1, 2))
    result = kvm_probe._run_child(["sh", "-c", f"printf '%s' '{output}'; exec sleep 60"], Deadline.after(0.8))
    assert result.failed == "protected-mode"
    assert result.why == "the guest did not get past this step in 0.8 s"


def test_a_crash_names_the_step_and_the_signal() -> None:
    result = kvm_probe._run_child(
        ["sh", "-c", """printf '{"step": 1}\n{"st'; kill -SEGV $$"""], Deadline.after(20)
    )
    assert (result.failed, result.why) == ("real-mode", "the probe process was ended by SIGSEGV")


def test_a_child_without_a_result_shows_its_last_error_line() -> None:
    result = kvm_probe._run_child(["sh", "-c", "echo first >&2; echo last >&2; exit 3"], Deadline.after(20))
    assert result.why == "the probe process ended with exit status 3 and no result: last"


def test_a_child_without_its_parent_does_nothing() -> None:
    command = [sys.executable, "-m", "fixtures.host.kvm_probe", os.devnull, "1"]
    root = Path(kvm_probe.__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=20)
    assert done.stdout == b""


def test_the_result_of_this_host_agrees_with_its_assessment() -> None:
    result = run_probe()
    expected = [step for step in STEPS if step in result.passed]
    assert list(result.passed) == expected
    if detect_assistance().available:
        assert result.failed is None
    if not kvm.DEVICE.exists():
        assert result.failed == "open"
