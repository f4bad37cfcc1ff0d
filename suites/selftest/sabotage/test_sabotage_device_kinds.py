"""Sabotage of the checks of one kind of device in suites/drivers, such as test_rng.py and test_tpm.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.core import errors
from fixtures.guest.device_kinds import input_sequences
from fixtures.lab.operations import extra_rng
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.oracles import framebuffer
from fixtures.systems.base.device_answers import InputReport
from suites.drivers import (
    test_balloon,
    test_display,
    test_input,
    test_panic,
    test_rng,
    test_serial_ports,
    test_sound,
    test_tpm,
    test_watchdog,
)
from suites.selftest.support.sabotaged_guest import SabotagedGuest, clone_with_all_devices


def test_random_bytes_of_another_source_are_found(broken: SabotagedGuest) -> None:
    test_rng.test_random_bytes_are_the_hosts(broken.guest)
    broken.guest.run_check("mount --bind /dev/urandom /dev/hwrng")
    with pytest.raises(AssertionError, match="1024 random bytes, 60 blocks not supplied by the host"):
        test_rng.test_random_bytes_are_the_hosts(broken.guest)


def test_changed_random_bytes_are_found(broken: SabotagedGuest) -> None:
    broken.instance.entropy.broken = b"\0"
    with pytest.raises(AssertionError, match="1024 random bytes, 60 blocks not supplied by the host"):
        test_rng.test_random_bytes_are_the_hosts(broken.guest)


def test_device_without_its_rate_limit_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra_rng, "rate_limit", lambda limit, period: {})
    with pytest.raises(AssertionError, match="bytes within a period"):
        test_rng.test_rng_rate_limit_and_statistics(broken.guest)


def test_balloon_without_a_driver_is_found(pool: MachinePool, tmp_path: Path) -> None:
    with clone_with_all_devices(pool, tmp_path, private_memory=True) as broken:
        test_balloon.test_balloon_takes_and_returns_memory(broken.guest)
        broken.guest.run_check("cd /sys/bus/virtio/drivers/virtio_balloon && echo virtio* >unbind")
        broken.guest.devices.balloon.timeout = 0.2
        total = broken.guest.devices.balloon.size().guest
        views = rf"(?s)host: 1073741824 != 805306368\n.*guest: {total} != {total - 268435456}"
        with pytest.raises(AssertionError, match=views):
            test_balloon.test_balloon_takes_and_returns_memory(broken.guest)


def test_balloon_that_reports_other_memory_than_the_kernel_is_found(broken: SabotagedGuest) -> None:
    test_balloon.test_balloon_statistics(broken.guest)
    smaller = "sed 's/^MemTotal: *[0-9]*/MemTotal: 4096/' /proc/meminfo >/run/meminfo"
    broken.guest.run_check(f"{smaller} && mount --bind /run/meminfo /proc/meminfo")
    with pytest.raises(AssertionError, match="total: [0-9]+ bytes by the balloon, 4194304 by the kernel"):
        test_balloon.test_balloon_statistics(broken.guest)


def test_balloon_that_does_not_deflate_is_found(
    pool: MachinePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clone_with_all_devices(pool, tmp_path, private_memory=True) as broken:
        balloon = broken.guest.devices.balloon
        replace = balloon.replace
        monkeypatch.setattr(balloon, "replace", lambda *, deflates_on_oom: replace(deflates_on_oom=False))
        with pytest.raises(AssertionError, match="bytes that a program got, more than were available"):
            test_balloon.test_balloon_deflates_on_oom(broken.guest)


def test_balloon_never_changes_the_memory_of_a_checkpoint(broken: SabotagedGuest) -> None:
    with pytest.raises(errors.ChangeRefused, match="needs the marker private_memory") as refused:
        test_balloon.test_balloon_takes_and_returns_memory(broken.guest)
    assert refused.value.outcome == "ERROR"


def test_byte_changed_by_a_serial_port_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_serial_ports.test_a_serial_port_carries_bytes(broken.guest)
    send = broken.instance.serial_service.send
    monkeypatch.setattr(
        broken.instance.serial_service, "send", lambda data: send(data[:-1] + bytes([data[-1] ^ 1]))
    )
    with pytest.raises(AssertionError, match="sha256:"):
        test_serial_ports.test_a_serial_port_carries_bytes(broken.guest)


def test_missing_serial_port_is_found(broken: SabotagedGuest) -> None:
    broken.guest.run_check("cd /sys/bus/virtio/drivers/virtio_console && echo virtio* >unbind")
    with pytest.raises(errors.CommandFailed, match="no port org.ironguest.port.0") as failure:
        test_serial_ports.test_a_serial_port_carries_bytes(broken.guest)
    assert failure.value.outcome == "FAIL"


def test_tpm_with_another_value_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    store = broken.guest.devices.tpm.store
    monkeypatch.setattr(broken.guest.devices.tpm, "store", lambda _: store("11" * 32))
    with pytest.raises(AssertionError, match="1111"):
        test_tpm.test_tpm_keeps_a_value(broken.guest)


def test_tpm_that_is_not_reset_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.guest.power, "reset", lambda: None)
    with pytest.raises(AssertionError, match="== '0000"):
        test_tpm.test_tpm_keeps_a_value(broken.guest)


def test_watchdog_that_does_not_expire_is_found(broken: SabotagedGuest) -> None:
    """The guest disarms the watchdog after it has fed it: "V" is the magic close (Linux watchdog API)."""
    disarm = (
        "for d in /sys/class/watchdog/*; do grep -q i6300 $d/identity && printf V >/dev/${d##*/}; done; true"
    )
    system = broken.guest._system
    start = system.devices.start_watchdog

    class DisarmingDevices(type(system.devices)):  # type: ignore[misc]
        def start_watchdog(self, model: str, timeout: int, feeds: int) -> tuple[str, int]:
            started = start(model, timeout, 2)
            broken.guest.run_check(disarm)
            return started

    broken.guest.devices.watchdog.timeout = 2.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(system), "devices", property(lambda self: DisarmingDevices(self.shell)))
        with pytest.raises(AssertionError, match="assert 0 >= 1"):
            test_watchdog.test_watchdog_expires_when_not_fed(broken.guest)


def test_watchdog_that_expires_while_fed_is_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.instance.machine.execute("watchdog-set-action", {"action": "none"})
    journal = broken.instance.machine.journal
    mark = journal.mark

    def mark_and_expire() -> int:
        position = mark()
        journal.event("WATCHDOG", {"action": "none"})
        return position

    monkeypatch.setattr(journal, "mark", mark_and_expire)
    monkeypatch.setattr(test_watchdog, "FED", 1)
    broken.guest.devices.watchdog.timeout = 0.1
    with pytest.raises(AssertionError, match="assert 1 == 0"):
        test_watchdog.test_watchdog_expires_when_not_fed(broken.guest)


def test_unreported_panic_is_found(broken: SabotagedGuest) -> None:
    broken.guest.run_check("modprobe -r pvpanic-pci")
    broken.guest.devices.panic.timeout = 1.0
    with pytest.raises(AssertionError, match=r"\[\] == \['GUEST_PANICKED \(pause\)'\]"):
        test_panic.test_panic_is_reported(broken.guest)


def test_lost_key_stroke_is_found(broken: SabotagedGuest) -> None:
    broken.guest.run_check("echo 1-1:1.0 >/sys/bus/usb/drivers/usbhid/unbind")
    broken.guest.devices.input.timeout = 3.0
    with pytest.raises(AssertionError, match="QEMU QEMU USB Keyboard"):
        test_input.test_input_reaches_the_guest(broken.guest)


def test_two_keys_in_the_wrong_order_are_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = broken.guest.storage.attach(broken.guest.storage.source)
    steps = input_sequences.key_steps({"a": 30, "b": 48})
    sequences = broken.guest.devices.input_sequences
    send = sequences.send

    def send_exchanged(model: str) -> list[InputReport]:
        with monkeypatch.context() as patch:
            patch.setattr(input_sequences, "steps_of", lambda kind: [*steps[2:], *steps[:2]])
            return send(model)

    monkeypatch.setattr(input_sequences, "steps_of", lambda kind: steps)
    monkeypatch.setattr(sequences, "send", send_exchanged)
    with pytest.raises(AssertionError, match="reports of usb-kbd"):
        test_input.test_keyboard_complete_and_in_order(broken.guest, source)


def test_pixels_missing_from_the_screen_are_found(broken: SabotagedGuest) -> None:
    test_display.test_the_display_shows_what_the_guest_paints(broken.guest)
    broken.guest.run_check("truncate -s 8M /run/canvas && mount --bind /run/canvas /dev/fb0")
    broken.guest.devices.display.timeout = 0.2
    with pytest.raises(AssertionError, match=r"assert \[.*\] == \["):
        test_display.test_the_display_shows_what_the_guest_paints(broken.guest)


def test_stale_screen_and_refused_mode_are_found(
    broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    display = broken.guest.devices.display
    display.timeout = 0.2
    stale = framebuffer.capture_pixels(
        broken.instance.machine, broken.instance.directories.work / "stale.ppm"
    )
    with monkeypatch.context() as patch:
        patch.setattr(framebuffer, "capture_pixels", lambda machine, path: stale)
        with pytest.raises(AssertionError, match=r"\(1280, 800\) != \(640, 480\)"):
            test_display.test_the_display_changes_its_mode(broken.guest)
    # The first process that opens the card becomes its DRM master; no other process can set a mode.
    is_open = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /dev/dri/card"
    hold_open = "( tail -f /dev/null 9<>/dev/dri/card0 </dev/null >/dev/null 2>&1 & )"
    broken.guest.run_check(
        f"echo >/run/ironguest-mode.end; while {is_open}; do :; done; {hold_open}; until {is_open}; do :; done"
    )
    with pytest.raises(errors.CommandFailed, match="mode: Permission denied") as refused:
        test_display.test_the_display_changes_its_mode(broken.guest)
    assert refused.value.outcome == "FAIL"


def test_wrong_tone_is_found(broken: SabotagedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = broken.guest.devices.sound
    play = sound.play
    monkeypatch.setattr(sound, "play", lambda card, hertz, seconds: play(card, hertz=500, seconds=seconds))
    with pytest.raises(AssertionError, match=r"sound card 0: Tone\(.*hertz=(499|500)\.\d"):
        test_sound.test_sound_is_heard(broken.guest)
