"""Sound: what the guest plays is what the host hears."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "sound")

HERTZ = 1000


@pytest.mark.device("*-hda", "AC97", "ES1370", "virtio-sound-*")
@pytest.mark.check("drivers.sound-is-heard", level="mandatory")
def test_sound_is_heard(guest: Guest) -> None:
    """On each sound card a second of a tone that the guest plays is heard on the host, at its frequency."""
    for card in range(guest.devices.sound.count):
        played = guest.devices.sound.play(card, hertz=HERTZ, seconds=1)
        assert abs(played.hertz - HERTZ) < HERTZ / 50
        assert played.seconds >= 0.9
        assert played.peak > 1000
