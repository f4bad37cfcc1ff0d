"""The host's view of random bytes, of the screen and of sound."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from fixtures.core import errors
from fixtures.oracles import audio_capture, framebuffer
from fixtures.oracles.entropy_source import EntropySource, count_unknown_blocks


def test_blocks_that_the_host_did_not_send_are_counted() -> None:
    sent = bytes(range(256))
    assert count_unknown_blocks(sent[32:96], sent, 16) == 0
    assert count_unknown_blocks(b"?" * 32 + sent[:16], sent, 16) == 2


def test_an_entropy_source_records_the_bytes_that_it_sends() -> None:
    source_end, qemu_end = socket.socketpair()
    with source_end, qemu_end:
        source = EntropySource("test", source_end)
        source.start()
        qemu_end.sendall(b"\x02\x10\x02")
        first = qemu_end.recv(16, socket.MSG_WAITALL)
        qemu_end.sendall(b"\x20")
        second = qemu_end.recv(32, socket.MSG_WAITALL)
        assert source.since(0) == first + second
        assert source.since(16) == second
        qemu_end.shutdown(socket.SHUT_RDWR)


def test_a_screendump_as_color_digits() -> None:
    pixels = bytes([255, 0, 0, 0, 255, 3, 0, 0, 0, 100, 0, 0])
    picture = framebuffer.parse_ppm(b"P6\n2 2\n255\n" + pixels)
    assert framebuffer.color_digits(picture, 0, 0, 3, 2) == ["42.", "0-."]
    with pytest.raises(errors.MonitorFault, match="complete PPM"):
        framebuffer.parse_ppm(b"P6\n2 2\n255\n" + pixels[:-1])


def test_a_tone_is_found_and_silence_is_not() -> None:
    wave = 12000 * np.sin(2 * np.pi * 1000 * np.arange(audio_capture.RATE) / audio_capture.RATE)
    frames = np.repeat(wave.astype("<i2"), 2).tobytes()
    tone = audio_capture.loudest_tone(bytes(44) + bytes(4000) + frames + b"\0")
    assert (round(tone.hertz), tone.peak) == (1000, 11999)
    assert 0.99 < tone.seconds <= 1.0
    assert (
        audio_capture.loudest_tone(bytes(44 + 4000))
        == audio_capture.loudest_tone(b"")
        == audio_capture.Tone(0.0, 0.0, 0)
    )
