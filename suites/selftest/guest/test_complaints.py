"""Complaints on consoles as a part of a check's result; the answers come from a fake record."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.catalog.message_specs import KnownMessage
from fixtures.core.errors import EvidenceDamaged, GuestComplained, GuestCrashed
from fixtures.evidence.complaint import Complaint
from fixtures.guest.complaints import Complaints, group_complaints, require_signature_names
from fixtures.guest.context import GuestContext
from suites.selftest.guest.test_check_failures import FakeProxy, cell
from suites.selftest.support.paths import ROOT, SAMPLES

LOCKUP = "[  148.003001] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]"
WARNING = "[    2.500000] WARNING: CPU: 0 PID: 1 at kernel/irq/chip.c:242 irq_startup+0x102/0x110"
PANIC = "[   12.345678] Kernel panic - not syncing: Fatal exception"
IO_ERROR = "[   31.337000] I/O error, dev vdb, sector 2048 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"
HARMLESS = (SAMPLES / "consoles" / "harmless-lines.txt").read_text(encoding="utf-8").splitlines()


def complaints(*lines: str, expected: tuple[str, ...] = ()) -> Complaints:
    """The complaints of a guest on whose console these lines came during the check."""
    entry = {"at": 1.0, "log": "/evidence/console.log", "waited_for_host": 21.5}
    answer: Any = [{"line": line, **entry} for line in lines]
    proxy: Any = FakeProxy(complaints_during_the_check=[answer])
    found = Complaints(GuestContext(cell(), proxy, read_only=False))
    found.expect(expected)
    return found


def test_an_error_fails_the_check_with_its_words() -> None:
    with pytest.raises(GuestComplained) as caught:
        complaints(*[LOCKUP] * 56).judge()
    assert caught.value.outcome == "FAIL"
    assert caught.value.message == (
        f"grub-rescue@pc-bios-ide: soft lockup during the check, which does not provoke it: {LOCKUP}"
    )
    text = str(caught.value)
    assert "(soft lockup: 53 further lines)" in text
    assert "console: /evidence/console.log" in text
    # A reader may want to judge an overloaded host.
    assert "QEMU waited 21.5 s for a CPU of the host" in text


def test_a_crash_is_a_crash_also_after_the_last_wait() -> None:
    with pytest.raises(GuestCrashed, match=r"i/o error during the check.*; kernel panic during the check"):
        complaints(IO_ERROR, PANIC).judge()


def test_an_error_is_raised_once() -> None:
    found = complaints(LOCKUP)
    with pytest.raises(GuestComplained):
        found.judge()
    found.judge()
    assert [complaint.name for complaint in found.found] == ["soft lockup"]


def test_a_milder_complaint_is_only_recorded() -> None:
    found = complaints(WARNING, WARNING)
    found.judge()
    assert found.found == (Complaint("kernel warning", "complaint", False, 2, (WARNING, WARNING)),)


def test_an_expected_error_is_recorded_as_expected() -> None:
    found = complaints(IO_ERROR, expected=("i/o error",))
    found.judge()
    assert found.found == (Complaint("i/o error", "error", True, 1, (IO_ERROR,)),)


def test_a_check_that_expects_one_kind_does_not_expect_another() -> None:
    with pytest.raises(GuestComplained, match="soft lockup"):
        complaints(IO_ERROR, LOCKUP, expected=("i/o error",)).judge()


def test_an_unknown_kind_cannot_be_expected() -> None:
    with pytest.raises(ValueError, match="no signature is called soft lockups"):
        complaints(expected=("soft lockups",))


@pytest.mark.parametrize("pattern", ["dev vdb, sector 2048", "^i/o error: .*vdb"])
def test_known_messages_are_left_out(pattern: str) -> None:
    known = KnownMessage(pattern=pattern, reason="a test", reference="https://example.org/")
    guest = cell().guest.model_copy(update={"known_messages": (known,)})
    other = IO_ERROR.replace("vdb", "vda")
    (found,) = group_complaints([IO_ERROR, other], guest, frozenset())
    assert found == Complaint("i/o error", "error", False, 1, (other,))


def test_ordinary_lines_are_no_complaints() -> None:
    chatter = [
        "[   61.120000] virtio_blk virtio9: [vdc] 65536 512-byte logical blocks (33.6 MB/32.0 MiB)",
        "[   61.130000] pci 0000:05:00.0: BAR 4: assigned [mem 0xfe600000-0xfe603fff 64bit pref]",
        "[   62.000000] sd 6:0:0:0: [sda] Attached SCSI removable disk",
        "[   62.500000] e1000e 0000:01:00.0 enp1s0: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx",
        "[   62.600000] clocksource: Switched to clocksource tsc",
        "[   62.700000] clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
        "[   63.000000] usb 2-1: USB disconnect, device number 2",
        "[   63.100000] watchdog: watchdog0: watchdog did not stop!",
        "[   63.200000] EXT4-fs (vdb): recovery complete",
        "[   63.300000] dd: attempt to access beyond end of device",
        "[   63.400000] hrtimer: interrupt took 11372514 ns",
    ]
    found = complaints(*chatter, *HARMLESS)
    found.judge()
    assert found.found == ()


def test_a_secret_is_not_quoted() -> None:
    guest = cell().guest
    login = guest.login.model_copy(update={"password": "correct-horse"})
    line = f"{LOCKUP} correct-horse"
    (found,) = group_complaints([line], guest.model_copy(update={"login": login}), frozenset())
    assert "correct-horse" not in found.lines[0]
    assert found.lines[0].startswith(LOCKUP)


@pytest.mark.parametrize("answer", [5, [{"line": "x"}], ["x"]])
def test_an_answer_of_another_form_is_named(answer: Any) -> None:
    proxy: Any = FakeProxy(complaints_during_the_check=[answer])
    with pytest.raises(EvidenceDamaged, match="expected lines of a console"):
        Complaints(GuestContext(cell(), proxy, read_only=False)).observe()


def _expected_names(path: Path) -> list[str]:
    """The arguments of the markers ``expects_complaints`` in a module of checks."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.expects_complaints"]
    return [ast.literal_eval(argument) for mark in marks for argument in mark.args]


def test_checks_expect_complaints_of_known_kinds() -> None:
    modules = [path for path in ROOT.glob("suites/*/test_*.py") if "selftest" not in path.parts]
    names = [name for path in modules for name in _expected_names(path)]
    assert len(names) >= 10, names
    require_signature_names(names)


def test_which_complaints_fail_a_check() -> None:
    found = Complaint("i/o error", "error", False, 1, ("x",))
    assert found.is_failure
    assert not replace(found, expected=True).is_failure
    assert not replace(found, severity="complaint").is_failure
