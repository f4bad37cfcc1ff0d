"""The screen: what a person in front of the machine sees, whatever system it runs; a shell is not needed."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest
from fixtures.run.collection import MeasureVerb

# Blocks of a picture that a blinking cursor can be in.
CURSOR = 2


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.needs("screen")
@pytest.mark.check("screen.shows-what-it-must", level="mandatory")
def test_the_screen_shows_what_it_must(guest: Guest, measure: MeasureVerb) -> None:
    """From power-on, keys pressed on the way, the guest comes to the screen that its YAML describes."""
    stages = guest.boot_stages()
    assert [name for name, _ in stages if name != "on the way"] == ["firmware", "ready"]
    measure("ready after", stages[-1][1], "s")
    assert guest.screen.missing_patterns() == []


@pytest.mark.needs("answer")
@pytest.mark.check("screen.keyboard-answers", level="mandatory")
def test_the_keyboard_answers(guest: Guest) -> None:
    """Keys are pressed, and what must follow appears on the screen; twice, since it could have been there."""
    assert guest.screen.answer_to_keys() is not None
    assert guest.screen.answer_to_keys() is not None


@pytest.mark.needs("answer", "display")
@pytest.mark.check("screen.display-alive", level="mandatory")
def test_the_display_is_alive(guest: Guest) -> None:
    """The display shows more than one colour, and more changes in it than a cursor when keys are answered."""
    display = guest.screen.display_change()
    assert display.answer is not None
    assert display.colours > 1
    assert display.changed > CURSOR


@pytest.mark.read_only
@pytest.mark.needs("driven")
@pytest.mark.check("drivers.driven-as-the-host-sees", level="mandatory")
def test_devices_are_driven_as_the_host_sees(guest: Guest) -> None:
    """Each device that the guest's YAML says it drives has come up: by virtio's status, or as bus master."""
    devices = guest.screen.driven_devices()
    assert devices != {}
    assert devices == dict.fromkeys(devices, "driven")


@pytest.mark.cold
@pytest.mark.read_only
@pytest.mark.needs("screen")
@pytest.mark.check("drivers.disk-and-network-used", level="mandatory")
def test_disk_and_network_are_used(guest: Guest) -> None:
    """As the host counts, the guest has read its disk, and sent frames on the wire where it drives a card."""
    reads, frames = guest.screen.traffic()
    expected = guest.screen.expected_traffic()
    assert (reads > 0, (frames or 0) > 0) == expected


@pytest.mark.needs("answer")
@pytest.mark.check("lifecycle.survives-pause", level="mandatory")
def test_it_survives_a_pause(guest: Guest) -> None:
    """A machine that is stopped stands still, and its guest answers when it goes on."""
    still = guest.screen.pause()
    assert (still.stood, still.same, still.goes_on) == ("paused", True, "running")
    assert guest.screen.answer_to_keys() is not None


@pytest.mark.needs("answer")
@pytest.mark.check("lifecycle.survives-checkpoint", level="mandatory")
def test_it_survives_a_checkpoint(guest: Guest) -> None:
    """A guest whose machine was saved, and which goes on in another one, answers as before."""
    assert guest.screen.is_restored_from_checkpoint()
    assert guest.screen.answer_to_keys() is not None


@pytest.mark.boots
@pytest.mark.needs("screen")
@pytest.mark.check("lifecycle.reset-shows-the-screen-again", level="mandatory")
def test_a_reset_shows_the_screen_again(guest: Guest) -> None:
    """A reset from without is exactly one reset, and leads to the screen that the guest's YAML describes."""
    restart = guest.power.reset()
    assert (restart.resets, restart.asked_by_guest) == (1, False)
    assert guest.screen.missing_patterns() == []
