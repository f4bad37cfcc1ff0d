"""Answers of Linux's device files, of a TPM, of QEMU's screen and sound; pure parsers and judges."""

from __future__ import annotations

import socket
import struct

import numpy as np
import pytest

from fixtures.core import errors
from fixtures.oracles import audio_capture, framebuffer
from fixtures.oracles.entropy_source import EntropySource, blocks_not_given
from fixtures.systems.base import tpm2
from fixtures.systems.base.device_answers import Held
from fixtures.systems.linux import chardevs, display_modes, drivers, input_display_sound

RANDOM = bytes.fromhex("80010000001c0000000000101a89e8cdd6e2d46633d09aba6e770054")
READ = bytes.fromhex(
    "80020000003500000000000000220020e3569a9cae3ffffcd2c264f73fbacb7f9e6c41cc9335fe35675c46a2e8d4209c0000010000"
)
REGISTER = bytes.fromhex(
    "80010000003e00000000000000e800000001000b030000010000000100207c6ba76114017ee8b3d291dacc40b657b80cfe6010938f46a214d5a1a49a96f2"
)


def test_replies_of_a_real_tpm() -> None:
    assert tpm2.value(RANDOM, "random").hex() == "1a89e8cdd6e2d46633d09aba6e770054"
    assert tpm2.value(READ, "reading").hex().startswith("e3569a9c")
    assert tpm2.register(REGISTER).hex().startswith("7c6ba761")


def test_commands_say_how_long_they_are() -> None:
    for command in (
        tpm2.random_bytes(16),
        tpm2.define(32),
        tpm2.write(bytes(32)),
        tpm2.read(32),
        tpm2.extend(bytes(32)),
        tpm2.read_register(),
    ):
        assert struct.unpack(">I", command[2:6])[0] == len(command)


@pytest.mark.parametrize("reply", [b"", RANDOM[:-1], bytes.fromhex("80010000000a00000101")])
def test_a_reply_that_is_none_or_a_refusal(reply: bytes) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="TPM, random"):
        tpm2.value(reply, "random")


def test_what_the_host_gave_and_what_it_did_not() -> None:
    given = bytes(range(256))
    assert blocks_not_given(given[32:96], given, 16) == 0
    assert blocks_not_given(b"?" * 32 + given[:16], given, 16) == 2


def test_an_entropy_source_remembers_what_it_gave() -> None:
    ours, qemus = socket.socketpair()
    with ours, qemus:
        source = EntropySource("test", ours)
        source.start()
        qemus.sendall(b"\x02\x10\x02")
        first = qemus.recv(16, socket.MSG_WAITALL)
        qemus.sendall(b"\x20")
        second = qemus.recv(32, socket.MSG_WAITALL)
        assert source.since(0) == first + second
        assert source.since(16) == second
        qemus.shutdown(socket.SHUT_RDWR)


def test_a_picture_as_digits() -> None:
    pixels = bytes([255, 0, 0, 0, 255, 3, 0, 0, 0, 100, 0, 0])
    seen = framebuffer.parse(b"P6\n2 2\n255\n" + pixels)
    assert framebuffer.digits(seen, 0, 0, 3, 2) == ["42.", "0-."]
    with pytest.raises(errors.MonitorFault, match="whole PPM"):
        framebuffer.parse(b"P6\n2 2\n255\n" + pixels[:-1])


def test_a_tone_is_heard_and_silence_is_not() -> None:
    wave = 12000 * np.sin(2 * np.pi * 1000 * np.arange(audio_capture.RATE) / audio_capture.RATE)
    frames = np.repeat(wave.astype("<i2"), 2).tobytes()
    heard = audio_capture.hear(bytes(44) + bytes(4000) + frames + b"\0")
    assert (round(heard.hertz), heard.peak) == (1000, 11999)
    assert 0.99 < heard.seconds <= 1.0
    assert audio_capture.hear(bytes(44 + 4000)) == audio_capture.hear(b"") == audio_capture.Tone(0.0, 0.0, 0)


def test_input_events_of_a_guest() -> None:
    (event, other) = input_display_sound.parse_heard("QEMU Virtio Mouse|2|1|-9\nQEMU|1|30|1\nend|2\n")
    assert (event.device, event.kind, event.code, event.value) == ("QEMU Virtio Mouse", "relative", 1, -9)
    assert other.kind == "key"
    with pytest.raises(errors.AnswerNotUnderstood, match="from 1 to 3"):
        input_display_sound.parse_heard("QEMU|4|30|1\nend|1\n")


def test_a_framebuffer_of_a_guest() -> None:
    (found,) = input_display_sound.parse_framebuffers("fb0|U:1280x800p-0|32|5120|virtio_gpudrmfb\nend|1\n")
    assert (found.width, found.height, found.depth, found.stride) == (1280, 800, 32, 5120)
    with pytest.raises(errors.AnswerNotUnderstood, match="a mode like"):
        input_display_sound.parse_framebuffers("fb0||32|5120|x\nend|1\n")


def test_random_bytes_memory_and_a_watchdog() -> None:
    assert chardevs.parse_drawn("current|virtio_rng.0\nbytes|00ff\nend|2\n").data == b"\x00\xff"
    assert chardevs.parse_total("975308\nend|1\n") == 975308 << 10
    assert chardevs.parse_watchdog("identity|iTCO_wdt\ntimeout|8\nend|2\n") == ("iTCO_wdt", 8)
    with pytest.raises(errors.AnswerNotUnderstood):
        chardevs.parse_drawn("current|virtio_rng.0\nbytes|0\nend|2\n")


def test_modules_and_what_is_wrong_with_them() -> None:
    said = "ahci|3.0|Y||Debian\nvboxguest|7|||\nnvidia|1||OE|NVIDIA\nend|3\n"
    problems = {module.name: module.problem for module in drivers.parse_modules(said)}
    assert problems == {
        "ahci": "",
        "nvidia": "not of the kernel's tree, taints the kernel (OE)",
        "vboxguest": "not of the kernel's tree, not signed",
    }


def test_interrupts_of_a_guest() -> None:
    said = "44:        830          2   PCI-MSI 1572865-edge      virtio2-req.0\n"
    said += "11:   7   XT-PIC  virtio0\nend|2\n"
    queue, shared = drivers.parse_interrupts(said)
    assert (queue.name, queue.count, queue.by_message) == ("virtio2-req.0", 832, True)
    assert (shared.count, shared.by_message) == (7, False)


def test_modes_of_a_display() -> None:
    assert display_modes.parse_modes("1280x800\n640x480\nend|2\n") == ((1280, 800), (640, 480))
    with pytest.raises(errors.AnswerNotUnderstood, match="a mode like"):
        display_modes.parse_modes("1280\nend|1\n")


def test_what_held_a_disk_is_given_back_to() -> None:
    held = drivers.parse_held("/sys/bus/virtio/drivers/virtio_blk|virtio5\n")
    assert held == Held("/sys/bus/virtio/drivers/virtio_blk", "virtio5")
    assert 'echo "virtio5" >"/sys/bus/virtio/drivers/virtio_blk/bind"' in drivers.bind_disk(held)
    with pytest.raises(errors.AnswerNotUnderstood, match="2 fields"):
        drivers.parse_held("sh: cannot cd\n")
