"""Time: the guest's clocks keep the host's pace, also over a pause and a restore, and its RTC works.

The bounds stand in the platform's YAML, key ``clock``. A busy host is no fault: a reading of the guest is
compared with the interval between the host's time before the question and after the answer.
"""

from __future__ import annotations

import pytest

from fixtures.guest.guest import Guest

pytestmark = pytest.mark.needs("shell", "clocks")

# Seconds of the guest's own time.
MEASURED = 10
ALARM = 4
# Seconds of the host's time: longer than a 24-bit timer of ACPI takes to overflow.
PAUSE = 6.0
READS = 2000
# Seconds by which the guest sets the real-time clock ahead.
AHEAD = 3720
# Seconds that pass meanwhile, or that the clock is off already.
AHEAD_TOLERANCE = 60


@pytest.mark.check("platform.clocks-keep-the-hosts-pace", level="mandatory")
def test_clocks_keep_the_hosts_pace(guest: Guest) -> None:
    """Idle and busy, the guest's clocks run as fast as the host's, and at the rate that its kernel states."""
    assert guest.timekeeping.run_idle(MEASURED) == ()
    assert guest.timekeeping.run_under_load(MEASURED) == ()


@pytest.mark.check("platform.clocks-never-step-back", level="mandatory")
def test_clocks_never_step_back(guest: Guest) -> None:
    """Clocks that are read many times, on each processor and across them, only advance, in small steps."""
    assert guest.timekeeping.read_often(READS) == ()


@pytest.mark.check("platform.clocks-survive-a-pause", level="mandatory")
def test_clocks_survive_a_pause(guest: Guest) -> None:
    """Over a pause of the machine no clock runs ahead of the host's, or loses more than the pause."""
    assert guest.timekeeping.pause(PAUSE) == ()
    assert guest.timekeeping.read_often(READS // 10) == ()


@pytest.mark.check("platform.clocks-survive-a-restore", level="mandatory")
def test_clocks_survive_a_restore(guest: Guest) -> None:
    """In a new hypervisor process that loaded the machine's state, the clocks go on where they stood."""
    move = guest.timekeeping.move()
    if move.refusal is not None:
        pytest.skip(f"channel_not_available: this hypervisor cannot save the machine: {move.refusal}")
    assert move.problems == ()
    assert guest.timekeeping.run_idle(MEASURED // 2) == ()


@pytest.mark.needs("rtc")
@pytest.mark.check("platform.rtc-is-read-and-set", level="mandatory")
def test_rtc_is_read_and_set(guest: Guest) -> None:
    """The guest reads the hypervisor's RTC as it is, and sets it, which the hypervisor announces."""
    before = guest.hardware_clock.read()
    assert before.earliest <= before.guest <= before.latest, before
    announced = guest.hardware_clock.move_by(AHEAD)
    assert len(announced) == 1, f"the hypervisor announced the change {len(announced)} times, expected once"
    after = guest.hardware_clock.read()
    assert after.earliest <= after.guest <= after.latest, after
    assert after.guest - before.guest >= AHEAD, "seconds by which the clock advanced when it was set ahead"
    assert abs(announced[0] - AHEAD) <= AHEAD_TOLERANCE, f"seconds announced: {announced}, expected {AHEAD}"
    guest.hardware_clock.move_by(-AHEAD)
    again = guest.hardware_clock.read()
    assert again.earliest <= again.guest <= again.latest, again
    assert again.guest < before.guest + AHEAD, "the clock after it was set back"


@pytest.mark.needs("rtc")
@pytest.mark.check("platform.rtc-alarm-rings", level="mandatory")
def test_rtc_alarm_rings(guest: Guest) -> None:
    """The alarm of the RTC interrupts the guest at its time, twice in a row."""
    assert guest.hardware_clock.ring_alarm(ALARM) == ()
    assert guest.hardware_clock.ring_alarm(ALARM) == ()
