"""The probe guest in software: QEMU runs it from the CPU's reset vector, without any firmware."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.host import kvm_probe
from fixtures.host.kvm_probe import Ending, ProbeResult, interpret
from fixtures.oracles.nested_probe import PAGE

CHALLENGE_ADDRESS = 0x12000


def emulate_probe(
    directory: Path, image: bytes, cpu: str = "max", challenge: bytes = b""
) -> tuple[ProbeResult, bytes]:
    """The result of the probe guest ``image``, and the page of the ``challenge`` in its memory at the end."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("tool absent: qemu-system-x86_64, so the probe guest is not run in software")
    rom = bytearray(0x10000)
    rom[0xFFF0:0xFFF5] = b"\xea\x00\x10\x00\x00"  # ljmp $0, $0x1000
    (directory / "rom").write_bytes(rom)
    (directory / "guest").write_bytes(image)
    (directory / "challenge").write_bytes(challenge or bytes(4))
    memory = directory / "memory"
    command = ["qemu-system-x86_64", "-machine", "pc,memory-backend=memory", "-accel", "tcg", "-cpu", cpu]
    command += ["-m", "16", "-object", f"memory-backend-file,id=memory,size=16M,share=on,mem-path={memory}"]
    command += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    command += ["-bios", str(directory / "rom")]
    for name, address in (("guest", kvm_probe.LOAD_ADDRESS), ("challenge", CHALLENGE_ADDRESS)):
        command += ["-device", f"loader,file={directory / name},addr={address:#x},force-raw=on"]
    command += ["-debugcon", f"file:{directory / 'trace'}"]
    command += ["-device", f"isa-debug-exit,iobase={kvm_probe.EXIT_PORT:#x},iosize=4"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert done.returncode & 1, f"QEMU ended without the guest's status: {done.stderr.decode()}"
    result = interpret((directory / "trace").read_bytes(), Ending(done.returncode >> 1))
    return result, memory.read_bytes()[CHALLENGE_ADDRESS : CHALLENGE_ADDRESS + PAGE]
