"""The screen: checks that need no shell, only the text screen, the keyboard and the host's view."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.guest.screen import PauseOutcome
from fixtures.run.collection import MeasureVerb

# A blinking cursor changes at most this many blocks of a picture: its old place and its new one.
CURSOR_BLOCKS = 2


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.needs("screen")
@pytest.mark.check("screen.shows-what-it-must", level="mandatory")
def test_boot_reaches_the_described_screen(guest: Guest, measure: MeasureVerb) -> None:
    """From power-on, through the steps in its YAML, the guest reaches the screen that its YAML describes."""
    stages = guest.boot_stages()
    assert [name for name, _ in stages if name != "on the way"] == ["firmware", "ready"]
    measure("ready after", stages[-1][1], "s")
    screen = guest.screen.read()
    assert screen.missing_patterns == (), str(screen)


@pytest.mark.needs("answer")
@pytest.mark.check("screen.keyboard-answers", level="mandatory")
def test_keyboard_answers(guest: Guest) -> None:
    """Keys that the host presses make the expected line appear on the screen, twice in a row."""
    for _ in range(2):
        answer = guest.screen.answer_to_keys()
        assert answer.outcome == "answered", str(answer)


@pytest.mark.needs("answer", "display")
@pytest.mark.check("screen.display-alive", level="mandatory")
def test_display_is_alive(guest: Guest) -> None:
    """The display shows more than one colour, and an answer to keys changes more of it than a cursor does."""
    display = guest.screen.display_change()
    assert display.answer.outcome == "answered", str(display.answer)
    assert display.colours > 1, str(display)
    if display.has_same_text:
        pytest.skip("not_in_profile: the guest's answer to keys leaves the text on its screen as it was")
    assert display.changed_blocks > CURSOR_BLOCKS, str(display)


@pytest.mark.read_only
@pytest.mark.needs("driven")
@pytest.mark.check("drivers.driven-as-the-host-sees", level="mandatory")
def test_devices_are_driven_as_the_host_sees(guest: Guest) -> None:
    """The host sees that the guest uses each device for which its YAML names a driver."""
    devices = guest.screen.driven_devices()
    assert devices != {}, "the host sees no device for which the guest's YAML names a driver"
    assert devices == dict.fromkeys(devices, "driven")


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.needs("screen", "io-counters")
@pytest.mark.check("drivers.disk-and-network-used", level="mandatory")
def test_disk_and_network_are_used(guest: Guest) -> None:
    """The host counts disk reads by the guest, and sent frames if its YAML says that the guest sends them."""
    counters = guest.screen.io_counters()
    assert counters.activity == guest.screen.expected_activity(counters), str(counters)


@pytest.mark.needs("answer")
@pytest.mark.check("lifecycle.survives-pause", level="mandatory")
def test_survives_a_pause(guest: Guest) -> None:
    """A paused machine's screen stands still, and the guest answers keys after the machine is resumed."""
    pause = guest.screen.pause()
    assert pause == PauseOutcome("paused", screen="unchanged", state_afterwards="running"), pause
    answer = guest.screen.answer_to_keys()
    assert answer.outcome == "answered", str(answer)


@pytest.mark.needs("answer")
@pytest.mark.check("lifecycle.survives-checkpoint", level="mandatory")
def test_survives_a_checkpoint(guest: Guest) -> None:
    """A guest that another machine restored from a checkpoint answers keys."""
    assert guest.screen.machine_start() == "restored from a checkpoint"
    answer = guest.screen.answer_to_keys()
    assert answer.outcome == "answered", str(answer)


@pytest.mark.boots
@pytest.mark.needs("screen")
@pytest.mark.check("lifecycle.reset-shows-the-screen-again", level="mandatory")
def test_reset_reaches_the_described_screen(guest: Guest) -> None:
    """A reset by the host is exactly one reset, and leads to the screen that the guest's YAML describes."""
    assert str(guest.power.reset()) == "1 reset, requested by the host"
    screen = guest.screen.read()
    assert screen.missing_patterns == (), str(screen)
