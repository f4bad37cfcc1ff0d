"""Sound: QEMU captures the tone that the guest plays."""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "sound")

HERTZ = 1000
# The difference that the capture's resolution explains.
HERTZ_TOLERANCE = HERTZ / 50


@pytest.mark.device("*-hda", "AC97", "ES1370", "virtio-sound-*")
@pytest.mark.check("drivers.sound-is-heard", level="mandatory")
def test_sound_is_heard(guest: Guest) -> None:
    """A tone that the guest plays for a second on each sound card reaches the host at the same frequency."""
    for card in range(guest.devices.sound.count):
        tone = guest.devices.sound.play(card, hertz=HERTZ, seconds=1)
        assert abs(tone.hertz - HERTZ) < HERTZ_TOLERANCE, f"sound card {card}: {tone}"
        assert tone.seconds >= 0.9, f"sound card {card}: {tone}"
        assert tone.peak > 1000, f"sound card {card}: {tone}"
