"""Downloads from servers that announce a wrong length, encode the file, or stall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import MediaFault
from suites.selftest.support.publishing_server import (
    PublishingServer,
    dribbles,
    says,
    stalls,
)

if TYPE_CHECKING:
    from pathlib import Path

from suites.selftest.media.test_download import CHECKSUM, CONTENT, IMPATIENT, fetch, litter


@pytest.mark.parametrize("announced", [len(CONTENT) - 1, 0])
def test_a_server_that_announces_too_few_bytes(
    server: PublishingServer, partial: Path, announced: int
) -> None:
    server.answers = [says(200, {"Content-Length": announced}, CONTENT)]
    with pytest.raises(MediaFault, match=f"expected {CHECKSUM}, found sha256"):
        fetch(partial, server.url())
    assert litter(partial) == []


def test_a_server_that_announces_too_many_bytes(server: PublishingServer, partial: Path) -> None:
    """All bytes are there: the next request shows it."""
    server.answers = [says(200, {"Content-Length": len(CONTENT) + 1}, CONTENT)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["-5", "many", "1" * 5000])
def test_a_server_that_announces_nonsense(server: PublishingServer, partial: Path, length: str) -> None:
    """The next request, which the server answers properly, gives the rest or all of it."""
    server.answers = [says(200, {"Content-Length": length}, CONTENT)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_a_server_without_a_length(server: PublishingServer, partial: Path) -> None:
    server.answers = [says(200, {}, CONTENT)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_the_bytes_of_the_file_are_not_decompressed(server: PublishingServer, partial: Path) -> None:
    """Some servers call a file that is compressed itself compressed in transit."""
    server.answers = [says(200, {"Content-Length": len(CONTENT), "Content-Encoding": "x-gzip"}, CONTENT)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_a_stalled_transfer_is_kept(server: PublishingServer, partial: Path) -> None:
    server.answers = [stalls(300_000, CONTENT)]
    with pytest.raises(
        MediaFault, match="the transfer stalled: fewer than 65536 bytes in 0.30 s; run again to"
    ):
        fetch(partial, server.url(), limits=IMPATIENT)
    assert partial.read_bytes() == CONTENT[:300_000]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("start", "forever"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.0 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.0 200 ", b"O"),
    ],
    ids=["body", "body without length", "headers", "status"],
)
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(
    server: PublishingServer, partial: Path, start: bytes, forever: bytes
) -> None:
    server.answers = [dribbles(start, forever)]
    with pytest.raises(MediaFault, match="stalled|more than 100 headers|got more than 65536 bytes"):
        fetch(partial, server.url(), limits=IMPATIENT)
