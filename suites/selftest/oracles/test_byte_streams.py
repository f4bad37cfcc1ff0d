"""What became of a stream of bytes: right, lost, added, changed, cut off."""

from __future__ import annotations

import pytest

from fixtures.lab.services.payload_service import payload
from fixtures.oracles.byte_streams import compare_streams
from suites.drivers import test_serial_line

STREAM = payload(5, 4096)


@pytest.mark.parametrize(
    ("received", "first_wrong", "description"),
    [
        (STREAM, None, "all 4096 bytes are right"),
        (STREAM[:-3], 4093, "the last 3 of 4096 bytes did not arrive"),
        (b"", 0, "the last 4096 of 4096 bytes did not arrive"),
        (STREAM[:9] + STREAM[10:], 9, f"1 bytes lost from offset 9 of 4096: {STREAM[9]:02x}"),
        (STREAM[:9] + b"\x11" + STREAM[9:], 9, "1 bytes added from offset 9 of 4096: 11"),
        (STREAM + b"\0\0", 4096, "2 bytes added from offset 4096 of 4096: 00 00"),
    ],
    ids=["right", "cut-off", "nothing", "lost", "added", "too-long"],
)
def test_comparison(received: bytes, first_wrong: int | None, description: str) -> None:
    comparison = compare_streams(STREAM, received)
    assert (comparison.first_wrong, comparison.description) == (first_wrong, description)
    assert comparison.is_right == (first_wrong is None)


def test_changed_bytes_are_quoted() -> None:
    changed = STREAM[:100] + bytes([STREAM[100] ^ 0x80]) + STREAM[101:]
    comparison = compare_streams(STREAM, changed)
    assert comparison.first_wrong == 100
    assert comparison.description == (
        f"wrong bytes from offset 100 of 4096: expected ... {STREAM[92:108].hex(' ')} ...,"
        f" received ... {changed[92:108].hex(' ')} ..."
    )


def test_a_change_beside_a_loss_names_both() -> None:
    received = STREAM[:50] + bytes([STREAM[50] ^ 1]) + STREAM[51:90] + STREAM[91:]
    description = compare_streams(STREAM, received).description
    assert description.startswith("wrong bytes from offset 50 of 4096; 4095 bytes arrived: expected ... ")


@pytest.mark.parametrize("seed", range(71, 77))
def test_each_payload_of_the_line_has_every_byte(seed: int) -> None:
    assert set(payload(seed, test_serial_line.LENGTH)) == set(range(256))
