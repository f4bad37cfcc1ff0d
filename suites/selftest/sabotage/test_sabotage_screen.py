"""Sabotage of suites/screen: a wrong screen, dead keys, a frozen display, unused devices, a second reset.

Run it with ``--guest grub-rescue``; the tests skip other guests.
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
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from fixtures.machine.machine import Machine
from fixtures.machine.screendump import screendump
from fixtures.run import collection
from suites.screen import test_screen

# GRUB's rescue CD boots within a second, and its screen is known.
pytestmark = pytest.mark.needs("screen")

KEYS = "x"
COUNTERS = r"(?ms)the host counted 0 reads of the guest's disk and 0 frames.*"


@pytest.fixture
def instance(request: pytest.FixtureRequest, cell: Cell, pool: MachinePool) -> GuestInstance:
    """The running guest, for tests that break it."""
    if cell.guest.id != "grub-rescue":
        pytest.skip("not_in_profile: this sabotage is for GRUB's rescue CD")
    return pool.acquire(
        MachineRequest(cell, is_cold=False, group=None, rerun_command=collection.rerun_command(request.node))
    )[0]


@pytest.fixture
def victim(cell: Cell, instance: GuestInstance, tmp_path: Path) -> Iterator[Guest]:
    """The guest as a check gets it, with a short command timeout."""
    timeouts = cell.guest.timeouts.model_copy(update={"command": 0.4})
    instance.cell = replace(cell, guest=cell.guest.model_copy(update={"timeouts": timeouts}))
    record = LiveRecord(tmp_path / "answers.jsonl")
    yield Guest(cell, RecordingProxy(record, instance))
    record.close()
    instance.cell = cell


def with_guest(victim: Guest, instance: GuestInstance, **changes: object) -> Guest:
    """The guest, with changed keys in its YAML."""
    guest = victim.cell.guest.model_copy(update=changes)
    instance.cell = replace(instance.cell, guest=guest)
    return Guest(instance.cell, victim._proxy)


def drop_keys(instance: GuestInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop all further key strokes on their way to the guest."""
    execute = Machine.execute

    def execute_without_keys(machine: Machine, command: str, *arguments: object, **options: object) -> object:
        return {} if command == "send-key" else execute(machine, command, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Machine, "execute", execute_without_keys)


def test_healthy_guest_passes(victim: Guest) -> None:
    test_screen.test_keyboard_answers(victim)
    test_screen.test_display_is_alive(victim)
    test_screen.test_survives_a_pause(victim)
    test_screen.test_survives_a_checkpoint(victim)


def test_wrong_screen_is_found(
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


def test_boot_that_is_never_ready_is_found(victim: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(victim, "boot_stages", lambda: [("firmware", 0.0), ("on the way", 1.0)])
    with pytest.raises(AssertionError, match="ready"):
        test_screen.test_boot_reaches_the_described_screen(victim, lambda *_: None)


def test_dead_keyboard_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_keys(instance, monkeypatch)
    with pytest.raises(
        AssertionError, match=r"expected a line that matches .* within the command timeout; the screen shows"
    ):
        test_screen.test_keyboard_answers(victim)


def test_wrong_keyboard_layout_is_found(victim: Guest, instance: GuestInstance) -> None:
    assert instance.screen is not None
    instance.screen._keyboard = MachineKeyboard(instance.machine, "fr")
    with pytest.raises(
        AssertionError, match=r"expected a line that matches .* within the command timeout; the screen shows"
    ):
        test_screen.test_keyboard_answers(victim)


def test_frozen_display_is_found(
    victim: Guest, instance: GuestInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screendump(instance.machine, tmp_path / "frozen.png")
    monkeypatch.setattr(
        host_view, "screendump", lambda _, path: shutil.copyfile(tmp_path / "frozen.png", path)
    )
    with pytest.raises(AssertionError, match="0 > 2"):
        test_screen.test_display_is_alive(victim)


def test_undriven_device_is_found(victim: Guest, instance: GuestInstance) -> None:
    model = victim.cell.platform.model("nic")
    claimed = with_guest(victim, instance, drivers={model: "nobody"})
    with pytest.raises(AssertionError, match="is no bus master|its status is"):
        test_screen.test_devices_are_driven_as_the_host_sees(claimed)


def test_unused_disk_and_card_are_found(victim: Guest, instance: GuestInstance) -> None:
    """A clone has not read its disk yet, and GRUB sends no frame."""
    with pytest.raises(AssertionError, match=rf"{COUNTERS}{{'disk': 'not read'}} != {{'disk': 'read'}}$"):
        test_screen.test_disk_and_network_are_used(victim)
    assert victim.cell.guest.screen is not None
    screen = victim.cell.guest.screen.model_copy(update={"sends_frames": True})
    claimed = with_guest(victim, instance, screen=screen)
    disk = "{'disk': 'not read'} != {'disk': 'read'}"
    network = "{'network': 'no frames sent'} != {'network': 'frames sent'}"
    with pytest.raises(AssertionError, match=rf"{COUNTERS}({disk}\n.*{network}|{network}\n.*{disk})"):
        test_screen.test_disk_and_network_are_used(claimed)


@contextmanager
def no_pause(machine: Machine) -> Iterator[None]:
    """A pause that does not pause the machine."""
    del machine
    yield


@contextmanager
def endless_pause(machine: Machine) -> Iterator[None]:
    """A pause that does not end."""
    machine.execute("stop")
    yield


def test_machine_that_does_not_pause_or_resume_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_view, "while_paused", no_pause)
    with pytest.raises(
        AssertionError, match=r"while_paused='running', screen='unchanged', state_afterwards='running'"
    ):
        test_screen.test_survives_a_pause(victim)
    monkeypatch.setattr(host_view, "while_paused", endless_pause)
    with pytest.raises(
        AssertionError, match=r"while_paused='paused', screen='unchanged', state_afterwards='paused'"
    ):
        test_screen.test_survives_a_pause(victim)
    instance.machine.execute("cont")


def test_cold_boot_instead_of_a_checkpoint_is_found(victim: Guest, instance: GuestInstance) -> None:
    instance.hardware = replace(instance.hardware, incoming=False)
    with pytest.raises(AssertionError, match="booted cold"):
        test_screen.test_survives_a_checkpoint(victim)


@pytest.mark.boots
def test_second_reset_is_found(
    victim: Guest, instance: GuestInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_stage, machine = instance.transcript.mark_stage, instance.machine

    def reset_when_ready(stage: str) -> None:
        mark_stage(stage)
        if stage == SCREEN_READY:
            before = machine.journal.mark()
            machine.execute("system_reset")
            machine.wait_event(["RESET"], before, Deadline.after(60.0), "it was reset")

    monkeypatch.setattr(instance.transcript, "mark_stage", reset_when_ready)
    with pytest.raises(
        AssertionError,
        match=r"- 1 reset, requested by the host\n(.*\n)*.*\+ [2-9] resets, requested by the host",
    ):
        test_screen.test_reset_reaches_the_described_screen(victim)


def test_command_without_a_shell_is_refused(victim: Guest) -> None:
    with pytest.raises(errors.MachineNotUsable, match="has no shell by design; cannot run 'uname'"):
        victim.run_check("uname")
