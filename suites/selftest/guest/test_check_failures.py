"""Failed checks say what they expected and what they saw; the answers come from a fake record."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.specs import Cell
from fixtures.core.errors import ChangeRefused, HostTooBusy
from fixtures.core.project import SHIPPED_GUESTS
from fixtures.evidence.recording import Json
from fixtures.guest.device_kinds.balloon import MemorySize
from fixtures.guest.guest import Guest
from fixtures.guest.power import CLEAN_SHUTDOWN
from suites.boot import test_boot
from suites.screen import test_screen

RESTART: dict[str, Json] = {
    "resets": 2,
    "by_firmware": 0,
    "asked_by_guest": False,
    "reason": "host-qmp",
    "stages": [],
}
SHUTDOWN: dict[str, Json] = {
    "asked_by_guest": True,
    "reason": "guest-shutdown",
    "seconds": 4.9,
    "shutdowns": 1,
}


class FakeProxy:
    """Answers each observation with the next of its answers."""

    def __init__(self, **answers: list[Json]) -> None:
        self._answers = {
            description.replace("_", " "): list(values) for description, values in answers.items()
        }

    def observe(self, description: str, look: object, **details: Json) -> Any:
        return self._answers[description].pop(0)


def cell() -> Cell:
    (selected,) = Catalog.load([SHIPPED_GUESTS]).select(["grub-rescue"], ["pc-bios-ide"])
    return selected


def guest(*, read_only: bool = False, **answers: list[Json]) -> Guest:
    return Guest(cell(), FakeProxy(**answers), read_only=read_only)  # type: ignore[arg-type]


def failure(check: Any, *arguments: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        check(*arguments)
    return str(caught.value)


def booted(*stages: str) -> Guest:
    """A guest that showed these stages of its boot, and runs."""
    booted = guest(boot_stages=[[[stage, float(at)] for at, stage in enumerate(stages)]])
    booted.startup_state = lambda: "running"  # type: ignore[method-assign]  # the guest has no system to ask
    return booted


def clock_of(offset: float, waited: float) -> Guest:
    """A guest whose clock has this offset, and whose QEMU has waited for a CPU; both in seconds."""
    booted = guest(waited_for_the_host=[waited])
    booted.clock.offset = lambda: offset  # type: ignore[method-assign]  # the guest has no system to ask
    return booted


def test_a_clock_that_fell_behind_on_a_busy_host_is_not_the_guests_fault() -> None:
    with pytest.raises(HostTooBusy, match=r"2\.166 s behind the host's, .* waited 80 s for a CPU"):
        test_boot.test_clock_is_set(clock_of(-2.166, 80.0))
    test_boot.test_clock_is_set(clock_of(-1.0, 80.0))


@pytest.mark.parametrize(("offset", "waited"), [(-2.166, 2.0), (-3600.0, 80.0), (2.166, 80.0)])
def test_a_wrong_clock_is_the_guests_fault(offset: float, waited: float) -> None:
    reason = f"the guest's clock is {offset} s ahead of the host's"
    assert reason in failure(test_boot.test_clock_is_set, clock_of(offset, waited))


@pytest.mark.parametrize(
    "shown", [("firmware", "login"), ("firmware", "boot loader", "login"), test_boot.STAGES]
)
def test_a_quiet_boot_reaches_its_login(shown: tuple[str, ...]) -> None:
    """A quiet kernel, or a boot loader on the screen alone, prints nothing."""
    test_boot.test_reaches_login(booted(*shown), lambda *_: None)


@pytest.mark.parametrize(
    "shown", [("firmware", "kernel", "boot loader", "login"), ("firmware", "kernel", "services")]
)
def test_stages_in_another_order_or_without_a_login_are_found(shown: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError):
        test_boot.test_reaches_login(booted(*shown), lambda *_: None)


def test_a_missing_answer_to_keys_shows_the_screen() -> None:
    probe = guest().screen.spec.probe
    assert probe is not None
    silent = guest(answer_to_keys=[None], lines_on_the_screen=[["GNU GRUB", "", "grub> "]])
    message = failure(test_screen.test_keyboard_answers, silent)
    assert message.startswith(
        f"keys {probe.press!r}, expected a line that matches {probe.expect!r} within the command timeout;"
        " the screen shows\n"
        "      GNU GRUB\n      grub>\n"
    )


def test_an_answer_asks_no_further_question() -> None:
    test_screen.test_keyboard_answers(guest(answer_to_keys=["grub> x", "grub> x"]))


def test_a_wrong_screen_is_shown_with_the_missing_pattern() -> None:
    wrong = guest(boot_stages=[[["firmware", 0.0], ["ready", 1.0]]], lines_on_the_screen=[["Out of disk"]])
    message = failure(test_screen.test_boot_reaches_the_described_screen, wrong, lambda *_: None)
    assert message.startswith("the screen shows\n      Out of disk\n")
    assert repr(wrong.screen.spec.ready) in message


def test_an_unused_disk_is_named_with_the_counters() -> None:
    message = failure(test_screen.test_disk_and_network_are_used, guest(traffic=[{"reads": 0, "frames": 0}]))
    assert "the host counted 0 reads of the guest's disk and 0 frames from the guest's cards" in message
    assert "{'disk': 'not read'} != {'disk': 'read'}" in message


def test_a_platform_without_a_card_has_no_frames() -> None:
    counters = guest(traffic=[{"reads": 7, "frames": None}]).screen.io_counters()
    assert str(counters) == "the host counted 7 reads of the guest's disk and no card"
    assert counters.activity == {"disk": "read", "network": "no frames sent"}


def test_a_restart_and_a_shutdown_are_sentences() -> None:
    assert str(guest(reset=[RESTART]).power.reset()) == "2 resets, requested by the host"
    clean = guest(power_button=[{**SHUTDOWN, "exit": "left with exit status 0"}]).power.press_power_button()
    assert str(clean) == CLEAN_SHUTDOWN
    killed = guest(power_button=[{**SHUTDOWN, "exit": "was killed by SIGKILL"}]).power.press_power_button()
    assert str(killed) == ("1 shutdown, requested by the guest (guest-shutdown); QEMU was killed by SIGKILL")


def test_a_machine_says_how_it_started() -> None:
    assert guest(resumed=[True]).screen.machine_start() == "restored from a checkpoint"
    assert guest(resumed=[False]).screen.machine_start() == "booted cold"


def test_a_shared_guest_refuses_changes() -> None:
    shared = guest(read_only=True)
    with pytest.raises(ChangeRefused, match="marker read_only shares its guest and cannot restart; remove"):
        shared.power.reset()
    assert shared.screen.spec.ready


def test_a_balloon_takes_the_same_from_both_sides() -> None:
    assert MemorySize(1000, 900).reduced_to(750) == MemorySize(750, 650)
