"""Downloads from a server on this host that behaves, and that misbehaves in every way that servers do."""

from __future__ import annotations

import errno
import hashlib
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import HostFault, MediaFault, NoSpace
from fixtures.media import http_transfer
from fixtures.media.download import Downloader
from fixtures.media.http_transfer import DEFAULT_LIMITS, Limits, TransferFailed, shown
from fixtures.media.meters import LineMeter
from fixtures.media.partial_file import PartialFile
from suites.selftest.support.publishing_server import (
    PublishingServer,
    says,
    truncates,
)

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 4096
OTHER = bytes(reversed(CONTENT))
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(CONTENT).hexdigest()}"
# Short enough for a test, and still no measure of time: a stalled transfer waits for as long as it takes.
IMPATIENT = Limits(silence=0.3, minimum=64 << 10)


def quiet(description: str, done: int, total: int) -> None:
    del description, done, total


def no_pause(seconds: float) -> None:
    pytest.fail(f"the server asked for no pause, and a pause of {seconds} s was made")


def fetch(path: Path, *addresses: str, checksum: str = CHECKSUM, limits: Limits = DEFAULT_LIMITS) -> str:
    return Downloader(quiet, limits, no_pause).fetch(addresses, checksum, path)


def litter(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


@pytest.mark.parametrize("checksum", [CHECKSUM, SHA512])
def test_a_complete_download(server: PublishingServer, partial: Path, checksum: str) -> None:
    assert fetch(partial, server.url(), checksum=checksum) == server.url()
    assert partial.read_bytes() == CONTENT
    ((_, headers),) = server.requests
    assert (headers["Range"], headers["Accept-Encoding"]) == (None, "identity")


def test_an_interrupted_transfer_is_resumed_at_once(server: PublishingServer, partial: Path) -> None:
    server.answers = [truncates(300_000, CONTENT)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=300000-"]
    assert server.requests[1][1]["If-Range"] == f'"{hash(CONTENT):x}"'


def test_an_interrupted_transfer_is_kept_for_the_next_run(server: PublishingServer, partial: Path) -> None:
    server.answers = [truncates(300_000, CONTENT), says(503)]
    with pytest.raises(MediaFault, match=r"the download failed: http.*/disk\.img: 503 .*run again to resume"):
        fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT[:300_000]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=300000-", "bytes=300000-"]


def test_a_partial_download_of_unknown_origin_is_resumed(server: PublishingServer, partial: Path) -> None:
    partial.write_bytes(CONTENT[:100_000])
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert [(server.ranges()[0], server.requests[0][1]["If-Range"])] == [("bytes=100000-", None)]


def test_a_server_without_range_requests_sends_everything_again(
    server: PublishingServer, partial: Path
) -> None:
    server.has_ranges = False
    partial.write_bytes(b"x" * 100_000)
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_a_server_that_always_ends_early_and_cannot_resume_is_given_up(
    server: PublishingServer, partial: Path
) -> None:
    server.answers = [truncates(1000, CONTENT)] * 3
    with pytest.raises(MediaFault, match="1000 bytes read"):
        fetch(partial, server.url())
    assert len(server.requests) == 2


def test_a_file_that_changes_in_between_is_fetched_anew(server: PublishingServer, partial: Path) -> None:
    """If-Range asks for the rest of the same file only."""
    server.answers = [truncates(300_000, OTHER)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=300000-"]


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"new"'},
        {"Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT"},
        {"Content-Range": f"bytes 300000-{len(CONTENT)}/{len(CONTENT) + 1}"},
        {"Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"},
        {"Content-Range": "bytes */300000"},
        {"Content-Range": "words"},
    ],
)
def test_a_part_of_another_file_is_not_appended(
    server: PublishingServer, partial: Path, headers: dict[str, object]
) -> None:
    """The server ignores If-Range, or sends another part than it was asked for."""
    first = {
        "Content-Length": len(CONTENT),
        "ETag": '"old"',
        "Last-Modified": "Mon, 14 Nov 1994 12:45:26 GMT",
    }
    part = {"Content-Range": f"bytes 300000-{len(CONTENT) - 1}/{len(CONTENT)}", **headers}
    server.answers = [says(200, dict(first), CONTENT[:300_000]), says(206, part, CONTENT[300_000:])]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=300000-", None]


def test_a_weak_entity_tag_is_no_validator(server: PublishingServer, partial: Path) -> None:
    """RFC 9110 allows no weak entity tag in If-Range; the date takes its place."""
    date = "Mon, 14 Nov 1994 12:45:26 GMT"
    headers = {"Content-Length": len(CONTENT), "ETag": 'W/"x"', "Last-Modified": date}
    server.answers = [says(200, headers, CONTENT[:1000])]
    fetch(partial, server.url())
    assert server.requests[1][1]["If-Range"] == date


def test_a_wrong_beginning_is_no_reason_to_accuse_the_server(server: PublishingServer, partial: Path) -> None:
    partial.write_bytes(b"x" * 1000)
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == ["bytes=1000-", None]


def test_a_download_that_is_already_complete(server: PublishingServer, partial: Path) -> None:
    partial.write_bytes(CONTENT)
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("headers", [{}, {"Content-Range": "bytes */7"}])
def test_a_server_that_has_no_more_bytes_is_asked_for_all(
    server: PublishingServer, partial: Path, headers: dict[str, object]
) -> None:
    partial.write_bytes(CONTENT + b"more")
    server.answers = [says(416, headers)]
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_a_wrong_digest_is_named_and_the_file_deleted(server: PublishingServer, partial: Path) -> None:
    with pytest.raises(
        MediaFault, match=f"expected sha256:0000.*, found {CHECKSUM}; the downloaded file was"
    ):
        fetch(partial, server.url(), checksum="sha256:" + "0" * 64)
    assert litter(partial) == []


def test_a_file_url(tmp_path: Path, partial: Path) -> None:
    source = tmp_path / "a disk.img"
    source.write_bytes(CONTENT)
    fetch(partial, source.as_uri())
    assert partial.read_bytes() == source.read_bytes() == CONTENT
    partial.unlink()
    with pytest.raises(MediaFault, match="No such file"):
        fetch(partial, (tmp_path / "missing").as_uri())


def test_no_space_is_named_before_it_is_used_up(
    server: PublishingServer, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [says(200, {"Content-Length": 1 << 59}, b"")]
    with pytest.raises(NoSpace, match="downloading http.*/disk.img needs .* GiB in .*; free there: .*"):
        fetch(partial, server.url())
    assert not partial.exists()


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EACCES, HostFault)]
)
def test_a_file_that_cannot_be_written(
    server: PublishingServer,
    partial: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    expected: type[HostFault],
) -> None:
    def begin(*arguments: object) -> None:
        raise OSError(number, "reason of the system")

    monkeypatch.setattr(PartialFile, "begin", begin)
    with pytest.raises(HostFault, match="disk: reason of the system") as caught:
        fetch(partial, server.url())
    assert type(caught.value) is expected


def test_an_interruption_by_the_user_keeps_what_is_there(
    server: PublishingServer, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_transfer, "_CHUNK", 1000)

    def interrupt(description: str, done: int, total: int) -> None:
        if done >= 5000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Downloader(interrupt).fetch([server.url()], CHECKSUM, partial)
    kept = partial.stat().st_size
    assert 5000 <= kept < len(CONTENT)
    fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT
    assert server.ranges() == [None, f"bytes={kept}-"]


def test_progress_messages(server: PublishingServer, partial: Path) -> None:
    messages: list[str] = []
    Downloader(LineMeter(messages.append, 0.0)).fetch([server.url()], CHECKSUM, partial)
    assert messages[-1] == f"fetching {server.url()}: 1 MiB of 1 MiB (100 %)"


def test_credentials_are_not_shown(server: PublishingServer, partial: Path) -> None:
    address = server.url().replace("http://", "http://user:secret@")
    assert shown(address) == server.url()
    server.answers = [says(403)]
    with pytest.raises(MediaFault, match="403 Forbidden") as caught:
        fetch(partial, address)
    assert "secret" not in caught.value.message
    assert server.requests[0][1]["Authorization"], f"expected credentials: {server.requests[0]}"


def test_a_small_file_has_a_limit(server: PublishingServer, tmp_path: Path) -> None:
    downloader = Downloader(quiet)
    assert downloader.read(server.url(), len(CONTENT)) == CONTENT
    (tmp_path / "sums").write_bytes(CONTENT)
    for address in (server.url(), (tmp_path / "sums").as_uri()):
        with pytest.raises(TransferFailed, match="is larger than 100 bytes"):
            downloader.read(address, 100)
