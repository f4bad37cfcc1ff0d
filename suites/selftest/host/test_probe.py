"""The probe guest: what its traces mean, that it can pass and fail, and that its binary is its source's."""

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
from fixtures.host import kvm, probe
from fixtures.host.acceleration import assistance
from fixtures.host.probe import STEPS, Ending, ProbeResult, judge, run_probe

SOURCE = probe.IMAGE.with_suffix(".S")
ALL = bytes(range(1, len(STEPS) + 1))
CMPXCHG16B = bytes.fromhex("f0 48 0f c7 0f")


def test_all_steps_and_a_good_status_pass() -> None:
    assert judge(ALL, Ending(0x10)) == ProbeResult(STEPS, None, "")


def test_an_absent_feature_is_no_failure_and_is_named() -> None:
    trace = ALL.replace(b"\x0a", b"\x8a")
    result = judge(trace, Ending(0x10))
    assert result.failed is None
    assert result.absent == ("clwb",)
    assert "clwb" not in result.passed


def test_a_good_status_without_a_step_is_a_failure() -> None:
    result = judge(ALL.replace(b"\x08", b""), Ending(0x10))
    assert (result.failed, result.why) == ("cmpxchg16b", "the guest ended well without this step")


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (Ending(0x11), "the guest computed a wrong result"),
        (Ending(0x4D), "exception 13 (general protection) that nothing asked for"),
        (Ending(0x4E, where=0x1331), "exception 14 (page fault) that nothing asked for at rip 0x1331"),
        (Ending(0x99), "the guest ended with the unknown status 0x99"),
        (Ending(None, "triple fault at rip 0x0"), "triple fault at rip 0x0"),
    ],
)
def test_the_last_step_begun_is_the_one_that_failed(ending: Ending, why: str) -> None:
    assert judge(b"\x01\x02\x03", ending) == ProbeResult(STEPS[:2], "long-mode", why)


def test_a_guest_that_said_nothing_failed_at_its_first_instruction() -> None:
    assert judge(b"", Ending(None, "x")).failed == "first-instruction"


def test_step_names_and_numbers_are_those_of_the_source() -> None:
    numbered = re.findall(r"\.set\s+STEP_(\w+), (\d+)", SOURCE.read_text(encoding="utf-8"))
    assert [name.lower().replace("_", "-") for name, _ in numbered] == list(STEPS)
    assert [int(number) for _, number in numbered] == list(ALL)


def test_the_binary_is_what_the_source_assembles_to(tmp_path: Path) -> None:
    tools = ("as", "ld", "objcopy")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        pytest.skip(
            f"tool absent: {', '.join(absent)} of binutils, so probe.bin is not compared with probe.S"
        )
    if platform.machine() != "x86_64":
        pytest.skip(f"architecture: binutils of {platform.machine()} do not assemble x86-64")
    made, linked, binary = (tmp_path / name for name in ("probe.o", "probe.elf", "probe.bin"))
    address = f"-Ttext={probe.LOAD_ADDRESS:#x}"
    subprocess.run(["as", "--64", "-o", made, SOURCE], check=True)
    subprocess.run(
        ["ld", "-m", "elf_x86_64", address, "-e", "start", "--build-id=none", "-o", linked, made], check=True
    )
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", linked, binary], check=True)
    assert binary.read_bytes() == probe.IMAGE.read_bytes()
    assert probe.IMAGE.stat().st_size <= 4096


def emulate(directory: Path, image: bytes, cpu: str = "max") -> ProbeResult:
    """Run an image in software, from the CPU's reset vector, without any firmware."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("tool absent: qemu-system-x86_64, so the probe guest is not run in software")
    rom = bytearray(0x10000)
    rom[0xFFF0:0xFFF5] = b"\xea\x00\x10\x00\x00"  # ljmp $0, $0x1000
    (directory / "rom").write_bytes(rom)
    (directory / "guest").write_bytes(image)
    command = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-cpu", cpu, "-m", "16"]
    command += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    command += ["-bios", str(directory / "rom")]
    command += ["-device", f"loader,file={directory / 'guest'},addr={probe.LOAD_ADDRESS:#x},force-raw=on"]
    command += ["-debugcon", f"file:{directory / 'trace'}"]
    command += ["-device", f"isa-debug-exit,iobase={probe.EXIT_PORT:#x},iosize=4"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert done.returncode & 1, f"QEMU ended without the guest's status: {done.stderr.decode()}"
    return judge((directory / "trace").read_bytes(), Ending(done.returncode >> 1))


def test_the_guest_passes_every_step_on_a_cpu_that_has_everything(tmp_path: Path) -> None:
    assert emulate(tmp_path, probe.IMAGE.read_bytes()) == ProbeResult(STEPS, None, "")


def test_the_guest_passes_over_what_an_old_cpu_does_not_report(tmp_path: Path) -> None:
    result = emulate(tmp_path, probe.IMAGE.read_bytes(), cpu="qemu64")
    assert result.failed is None
    assert result.absent == ("clflushopt", "clwb", "xsave")


def test_the_guest_notices_a_wrong_result(tmp_path: Path) -> None:
    image = probe.IMAGE.read_bytes()
    compared = bytes.fromhex("48 83 3f 03")  # cmpq $3, (%rdi): what the exchange must have stored
    assert image.count(compared) == 1
    result = emulate(tmp_path, image.replace(compared, bytes.fromhex("48 83 3f 04")))
    assert (result.failed, result.why) == ("cmpxchg16b", "the guest computed a wrong result")


def test_the_guest_reports_an_instruction_that_the_cpu_refuses(tmp_path: Path) -> None:
    image = probe.IMAGE.read_bytes()
    assert CMPXCHG16B in image
    result = emulate(tmp_path, image.replace(CMPXCHG16B, bytes.fromhex("0f 0b 90 90 90")))  # ud2
    assert result.failed == "cmpxchg16b"
    assert result.why.startswith("exception 6 (invalid opcode)")
    assert result.passed == STEPS[: STEPS.index("cmpxchg16b")]


def test_a_device_that_does_not_exist_is_a_named_failure(tmp_path: Path) -> None:
    result = run_probe(device=tmp_path / "kvm")
    assert result.failed == "open"
    assert str(tmp_path / "kvm") in result.why


def test_a_device_that_is_no_kvm_is_a_named_failure() -> None:
    result = run_probe(device=Path(os.devnull))
    assert result.failed == "create-machine"
    assert "ioctl" in result.why


def test_a_hang_is_bounded_and_names_the_step() -> None:
    said = "".join(f'{{"step": {number}}}\n' for number in (1, 2))
    result = probe._observe(["sh", "-c", f"printf '%s' '{said}'; exec sleep 60"], Deadline.after(0.8))
    assert result.failed == "protected-mode"
    assert result.why == "the guest did not get past this step in 0.8 s"


def test_a_crash_names_the_step_and_the_signal() -> None:
    result = probe._observe(["sh", "-c", """printf '{"step": 1}\n{"st'; kill -SEGV $$"""], Deadline.after(20))
    assert (result.failed, result.why) == ("real-mode", "the probe process was ended by SIGSEGV")


def test_a_child_that_ends_without_a_result_shows_its_last_words() -> None:
    result = probe._observe(["sh", "-c", "echo first >&2; echo last >&2; exit 3"], Deadline.after(20))
    assert result.why == "the probe process ended with exit status 3 and no result: last"


def test_a_child_whose_parent_is_gone_does_nothing() -> None:
    command = [sys.executable, "-m", "fixtures.host.probe", os.devnull, "1"]
    root = Path(probe.__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=20)
    assert done.stdout == b""


def test_this_machine_answers_in_order_and_agrees_with_the_judgement() -> None:
    result = run_probe()
    expected = [step for step in STEPS if step in result.passed]
    assert list(result.passed) == expected
    if assistance().available:
        assert result.failed is None
    if not kvm.DEVICE.exists():
        assert result.failed == "open"
