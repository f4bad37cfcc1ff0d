"""Idle kernels by QEMU's registers: lines of real machines."""

from __future__ import annotations

import pytest

from fixtures.machine.cpu_state import is_kernel_waiting, used_seconds

IDLE = "RIP=ffffffff81a0b1cb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n"
STATES = {
    "an idle kernel": (IDLE, True),
    "two idle processors": (f"\nCPU#0\n{IDLE}\nCPU#1\n{IDLE}", True),
    "interrupts off": (IDLE.replace("00000246", "00000046"), False),
    "one processor with interrupts off": (f"{IDLE}\nCPU#1\n{IDLE.replace('00000246', '00000046')}", False),
    "a program": (IDLE.replace("ffffffff81a0b1cb", "00007f12a0b1cb00").replace("CPL=0", "CPL=3"), False),
    "firmware": (IDLE.replace("ffffffff81a0b1cb", "000000007eac1b2d"), False),
    "real mode": ("EIP=0000fff0 EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n", False),
    "arm64": (" PC=ffff800008a1b2c4 X00=0000000000000000\nPSTATE=60400005 -ZC- EL1h\n", False),
}


@pytest.mark.parametrize("name", STATES)
def test_the_state_of_processors(name: str) -> None:
    registers, is_waiting = STATES[name]
    assert is_kernel_waiting(registers) is is_waiting


def test_the_time_of_a_process_whose_name_has_spaces_and_brackets() -> None:
    stat = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 10 184467"
    assert used_seconds(stat) == 3.0
