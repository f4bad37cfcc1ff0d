"""The checks of guests without a shell, on a real one that was broken on purpose: GRUB's rescue CD.

Run with ``--guest grub-rescue``; on other guests there is nothing to be broken here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.catalog.specs import Cell
from fixtures.channels.boot.boot_stages import SCREEN_READY
from fixtures.channels.screen.keyboard import MachineKeyboard
from fixtures.core import errors
from fixtures.core.deadline import Deadline
from fixtures.evidence.recording import LiveRecord
from fixtures.guest.guest import Guest
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.observation import host_view
from fixtures.lab.observation.recording_proxy import RecordingProxy
from fixtures.lab.pool.machine_pool import MachinePool, MachineRequest
from fixtures.machine.machine import Machine
from fixtures.machine.screendump import screendump
from fixtures.run import collection
from suites.screen import test_screen

# Of this one it is known what its screen shows, and it is up in a second.
pytestmark = pytest.mark.needs("screen")

KEYS = "x"


@pytest.fixture
def instance(request: pytest.FixtureRequest, cell: Cell, pool: MachinePool) -> GuestInstance:
    """The live cell, for those who break it."""
    if cell.guest.id != "grub-rescue":
        pytest.skip("not_in_profile: the guest whose screen is broken is GRUB's rescue CD")
    return pool.acquire(
        MachineRequest(cell, cold=False, group=None, rerun_command=collection.rerun_command(request.node))
    )[0]


@pytest.fixture
def victim(cell: Cell, instance: GuestInstance, tmp_path: Path) -> Iterator[Guest]:
    """The guest as a check would get it; its commands have little time."""
    timeouts = cell.guest.timeouts.model_copy(update={"command": 0.4})
    instance.cell = replace(cell, guest=cell.guest.model_copy(update={"timeouts": timeouts}))
    record = LiveRecord(tmp_path / "answers.jsonl")
    yield Guest(cell, RecordingProxy(record, instance))
    record.close()
    instance.cell = cell


def describes(victim: Guest, instance: GuestInstance, **drivers: str) -> Guest:
    """The guest, with a YAML that claims more than it does."""
    guest = victim.cell.guest.model_copy(update={"drivers": drivers})
    instance.cell = replace(instance.cell, guest=guest)
    return Guest(instance.cell, victim._proxy)


def deaf(instance: GuestInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the guest hears no key."""
    execute = Machine.execute

    def unplugged(machine: Machine, command: str, *arguments: object, **options: object) -> object:
        return {} if command == "send-key" else execute(machine, command, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Machine, "execute", unplugged)


def test_healthy_guest_passes(victim: Guest) -> None:
    test_screen.test_keyboard_answers(victim)
    test_screen.test_display_is_alive(victim)
    test_screen.test_survives_a_pause(victim)
    test_screen.test_survives_a_checkpoint(victim)


def test_another_screen_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(victim, "boot_stages", lambda: [("firmware", 0.0), ("ready", 1.0)])
    test_screen.test_boot_reaches_the_described_screen(victim, lambda *_: None)
    assert instance.screen is not None
    instance.screen.press(KEYS, Deadline.after(10.0))
    assert instance.screen.poll_until(
        lambda look: any("grub> x" in line for line in look.lines), Deadline.after(60.0)
    )
    with pytest.raises(AssertionError, match="grub> "):
        test_screen.test_boot_reaches_the_described_screen(victim, lambda *_: None)


def test_a_boot_that_never_became_ready_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(victim, "boot_stages", lambda: [("firmware", 0.0), ("on the way", 1.0)])
    with pytest.raises(AssertionError, match="ready"):
        test_screen.test_boot_reaches_the_described_screen(victim, lambda *_: None)


def test_a_keyboard_without_its_guest_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf(instance, monkeypatch)
    with pytest.raises(AssertionError, match=r"expected a line that matches .*; the screen shows"):
        test_screen.test_keyboard_answers(victim)


def test_a_guest_with_another_layout_is_found(victim: Guest, instance: GuestInstance) -> None:
    assert instance.screen is not None
    instance.screen._keyboard = MachineKeyboard(instance.machine, "fr")
    with pytest.raises(AssertionError, match=r"expected a line that matches .*; the screen shows"):
        test_screen.test_keyboard_answers(victim)


def test_a_frozen_display_is_found(
    victim: Guest, instance: GuestInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screendump(instance.machine, tmp_path / "frozen.png")
    monkeypatch.setattr(
        host_view, "screendump", lambda _, path: shutil.copyfile(tmp_path / "frozen.png", path)
    )
    with pytest.raises(AssertionError, match="0 > 2"):
        test_screen.test_display_is_alive(victim)


def test_a_device_that_nobody_drives_is_found(victim: Guest, instance: GuestInstance) -> None:
    model = victim.cell.platform.model("nic")
    claimed = describes(victim, instance, **{model: "nobody"})
    with pytest.raises(AssertionError, match="is no bus master|its status is"):
        test_screen.test_devices_are_driven_as_the_host_sees(claimed)


def test_a_disk_and_a_card_that_are_not_used_are_found(victim: Guest, instance: GuestInstance) -> None:
    """A clone has read nothing yet, and GRUB sends nothing."""
    with pytest.raises(AssertionError, match=r"\(False, False\) == \(True, False\)"):
        test_screen.test_disk_and_network_are_used(victim)
    claimed = describes(victim, instance, **{victim.cell.platform.model("nic"): "nobody"})
    with pytest.raises(AssertionError, match=r"\(False, False\) == \(True, True\)"):
        test_screen.test_disk_and_network_are_used(claimed)


@contextmanager
def nothing(machine: Machine) -> Iterator[None]:
    """A pause that is none."""
    del machine
    yield


@contextmanager
def for_good(machine: Machine) -> Iterator[None]:
    """A pause that does not end."""
    machine.execute("stop")
    yield


def test_a_machine_that_does_not_stop_or_go_on_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_view, "while_paused", nothing)
    with pytest.raises(AssertionError, match="'running', True, 'running'"):
        test_screen.test_survives_a_pause(victim)
    monkeypatch.setattr(host_view, "while_paused", for_good)
    with pytest.raises(AssertionError, match="'paused', True, 'paused'"):
        test_screen.test_survives_a_pause(victim)
    instance.machine.execute("cont")


def test_a_guest_that_was_never_saved_is_found(victim: Guest, instance: GuestInstance) -> None:
    instance.hardware = replace(instance.hardware, incoming=False)
    with pytest.raises(AssertionError, match="False"):
        test_screen.test_survives_a_checkpoint(victim)


@pytest.mark.boots
def test_a_second_reset_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_stage, machine = instance.transcript.mark_stage, instance.machine

    def interfere(stage: str) -> None:
        mark_stage(stage)
        if stage == SCREEN_READY:
            before = machine.journal.mark()
            machine.execute("system_reset")
            machine.wait_event(["RESET"], before, Deadline.after(60.0), "it was reset")

    monkeypatch.setattr(instance.transcript, "mark_stage", interfere)
    with pytest.raises(AssertionError, match=r"\([2-9], False\) == \(1, False\)"):
        test_screen.test_reset_reaches_the_described_screen(victim)


def test_what_needs_a_shell_is_refused_in_words(victim: Guest) -> None:
    with pytest.raises(errors.MachineNotUsable, match="has no shell by design; cannot run 'uname'"):
        victim.run_check("uname")
