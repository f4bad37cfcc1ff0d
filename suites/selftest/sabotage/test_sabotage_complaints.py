"""Sabotage of every check: a guest that complains on its console fails the check that runs meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands.verify.rejudge import rejudge
from fixtures.core.errors import GuestComplained
from fixtures.guest.device_kinds.hotplug import ABSENT, PRESENT
from fixtures.guest.guest import Guest
from suites.drivers import test_hotplug
from suites.selftest.sabotage.test_sabotage_run import PROJECT, run
from suites.selftest.support.sabotaged_guest import SabotagedGuest
from suites.storage import test_operations

LOCKUP = "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]"


def complain(guest: Guest, line: str = LOCKUP) -> None:
    """Have the guest's kernel log ``line`` as an emergency, which it prints on every console."""
    guest.run_check(f"echo '<0>{line}' >/dev/kmsg")


def complaining(guest: Guest, verb: Callable[..., Any]) -> Callable[..., Any]:
    """``verb``, after which the guest complains."""

    def act(*arguments: Any, **options: Any) -> Any:
        answer = verb(*arguments, **options)
        complain(guest)
        return answer

    return act


def test_lockup_while_a_disk_is_plugged_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, plug = broken.guest, broken.guest.devices.hotplug
    disk = guest.storage.attach(guest.storage.source)
    guest.complaints.expect(["i/o error"])
    monkeypatch.setattr(plug, "plug_disk", complaining(guest, plug.plug_disk))
    test_hotplug.test_disk_hot_plug_while_paused(guest, disk)
    with pytest.raises(GuestComplained, match=r"soft lockup during the check.*stuck for 26s") as caught:
        guest.complaints.judge()
    assert caught.value.outcome == "FAIL"
    assert str(broken.instance.transcript.log) in str(caught.value)


def test_lockup_while_the_machine_is_paused_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, operations = broken.guest, broken.guest.disk_operations
    source, target = (guest.storage.attach(disk) for disk in (guest.storage.source, guest.storage.target))
    monkeypatch.setattr(test_operations, "SLOW_COPIES", test_operations.SLOW_COPIES[2:])
    monkeypatch.setattr(operations, "pause_machine", complaining(guest, operations.pause_machine))
    test_operations.test_pause_loses_nothing(guest, source, target)
    with pytest.raises(GuestComplained, match="soft lockup during the check") as caught:
        guest.complaints.judge()
    assert "(soft lockup: 2 further lines)" in str(caught.value)


def test_ordinary_chatter_is_no_complaint(broken: SabotagedGuest) -> None:
    """Hot-plugged disks and cards, a link that goes down and up, and a pause."""
    guest, plug = broken.guest, broken.guest.devices.hotplug
    guest.complaints.expect(["i/o error"])
    guest.run_check("dmesg -n 8")
    test_hotplug.test_disk_hot_plug_while_paused(guest, guest.storage.attach(guest.storage.source))
    assert plug.plug_card(1) == PRESENT
    for is_up in (False, True):
        for card in range(len(broken.instance.hardware.captures)):
            broken.instance.machine.execute("set_link", {"name": f"net{card}", "up": is_up})
    assert plug.unplug_card(1) == ABSENT
    assert guest.disk_operations.pause_machine() == ["paused", "running"]
    guest.complaints.judge()
    assert [complaint for complaint in guest.complaints.found if not complaint.expected] == []
    printed = broken.instance.transcript.log.read_text(errors="replace")
    assert printed.count("512-byte logical blocks") >= 2, "lines of the kernel about a plugged disk"


CHECKS = """\
import pytest

LOCKUP = "<0>watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [swapper/1:0]"
WARNING = "<0>WARNING: CPU: 0 PID: 1 at kernel/irq/chip.c:242 irq_startup+0x102/0x110"

def check(name):
    return pytest.mark.check(name, level="mandatory")

def complain(guest, line):
    guest._proxy.run(f"echo '{line}' >/dev/kmsg")

@check("a.lockup")
def test_lockup(guest):
    complain(guest, LOCKUP)

@check("a.warning")
def test_warning(guest):
    complain(guest, WARNING)

@check("a.provoked")
@pytest.mark.expects_complaints("soft lockup")
def test_provoked(guest):
    complain(guest, LOCKUP)

@check("a.skip")
def test_skip(guest):
    complain(guest, LOCKUP)
    pytest.skip("not_in_profile: it does not matter here")

@pytest.fixture
def unready(guest):
    complain(guest, LOCKUP)
    pytest.skip("not_in_profile: it does not matter here")

@check("a.skipped-before-its-start")
def test_skipped_before_its_start(unready):
    pass

@check("a.failure")
def test_failure(guest):
    complain(guest, LOCKUP)
    assert guest.cell.id == "another cell"

@check("a.shared-guest-complains")
@pytest.mark.read_only
def test_shared_guest_complains(guest):
    complain(guest, LOCKUP)

@check("a.shared-guest-complained-before")
@pytest.mark.read_only
def test_shared_guest_complained_before(guest):
    assert guest._proxy.run("true").status == 0
"""

OUTCOMES = {
    "a.lockup": ("FAIL", "GuestComplained"),
    "a.warning": ("PASS", ""),
    "a.provoked": ("PASS", ""),
    "a.skip": ("FAIL", "GuestComplained"),
    "a.skipped-before-its-start": ("FAIL", "GuestComplained"),
    "a.failure": ("FAIL", "AssertionError"),
    "a.shared-guest-complains": ("FAIL", "GuestComplained"),
    "a.shared-guest-complained-before": ("PASS", ""),
}


def test_complaints_belong_to_the_check_that_ran(tmp_path: Path) -> None:
    """A run in a process of its own: outcomes, the report, and a second judgement from the record."""
    file = tmp_path / "test_complaining.py"
    file.write_text(CHECKS)
    project = ["-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(PROJECT), "-v", "-n0"]
    cell = ["--guest=debian-12", "--platform=q35-uefi-everything"]
    finished = run(tmp_path, *project, *cell, str(file))
    results = finished.results
    ends = {
        check: (result["outcome"], (result["failure"] or {}).get("kind", ""))
        for check, result in results.items()
    }
    assert ends == OUTCOMES, finished.output
    found = {check: [each["name"] for each in result["complaints"]] for check, result in results.items()}
    silent = found.pop("a.shared-guest-complained-before")
    assert silent == []
    assert found.pop("a.warning") == ["kernel warning"]
    assert set(map(tuple, found.values())) == {("soft lockup",)}
    assert results["a.provoked"]["complaints"][0]["expected"]
    assert "soft lockup during the check" in results["a.lockup"]["failure"]["message"]
    assert any("stuck for 26s" in line for line in results["a.lockup"]["failure"]["last_lines"])
    assert LOCKUP in (finished.bundle / results["a.lockup"]["evidence"][-1]).read_text()
    assert "a.warning on debian-12@q35-uefi-everything: kernel warning (only reported, 1 line): " in (
        " ".join(finished.output.split())
    )
    assert "irq_startup+0x102/0x110" in (finished.bundle / "report.html").read_text()
    judgement = rejudge(finished.bundle, [file])
    assert (judgement.results, judgement.differences) == (len(OUTCOMES), ())
