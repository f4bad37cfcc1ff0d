"""Downloads from a server on this host: they are resumed and verified."""

from __future__ import annotations

import errno
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import HostFault, MediaFault, NoSpace
from fixtures.core.file_digest import file_digest
from fixtures.media import download as module
from fixtures.media.download import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 4096
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def quiet(line: str) -> None:
    del line


class Server(ThreadingHTTPServer):
    """Serves CONTENT. ``cut`` truncates each response to that many bytes. ``ranges`` enables range requests."""

    daemon_threads = True
    cut: int | None = None
    ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str | None, str | None]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect early, as some tests do."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/disk.img"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.server.requests.append((requested, self.headers.get("Accept-Encoding")))
        if self.path != "/disk.img":
            self.send_error(404)
            return
        start = (
            int(requested.removeprefix("bytes=").removesuffix("-")) if requested and self.server.ranges else 0
        )
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.cut])
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_complete_download(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert server.requests == [(None, "identity")]


def test_a_partial_download_is_resumed(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(CONTENT[:100_000])
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert server.requests[0][0] == "bytes=100000-"


def test_a_server_without_range_requests_sends_everything_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    partial = tmp_path / "disk"
    partial.write_bytes(b"x" * 100_000)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_an_interrupted_transfer_is_kept_and_resumed(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    server.cut = 300_000
    with pytest.raises(MediaFault, match=r"the download failed: .*run again to resume it"):
        fetch(server.url, CHECKSUM, partial, quiet)
    kept = partial.stat().st_size
    assert kept >= 300_000 - 65536
    assert partial.read_bytes() == CONTENT[:kept]
    server.cut = None
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert [requested for requested, _ in server.requests] == [None, f"bytes={kept}-"]


def test_a_download_that_is_already_complete(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(CONTENT)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_file_with_the_wrong_digest_is_deleted(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    with pytest.raises(MediaFault, match=f"expected sha256:0000.*, found {CHECKSUM}"):
        fetch(server.url, "sha256:" + "0" * 64, partial, quiet)
    assert not partial.exists()


def test_a_partial_file_with_other_content_is_deleted(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(b"x" * 1000)
    with pytest.raises(MediaFault, match="was deleted"):
        fetch(server.url, CHECKSUM, partial, quiet)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert file_digest(partial) == CHECKSUM


def test_a_url_that_does_not_exist(server: Server, tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="404"):
        fetch(server.url + ".old", CHECKSUM, tmp_path / "disk", quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_respond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as closed:
        url = closed.url
    with pytest.raises(MediaFault, match="the download failed"):
        fetch(url, CHECKSUM, tmp_path / "disk", quiet)


def test_a_file_url(tmp_path: Path) -> None:
    source = tmp_path / "a disk.img"
    source.write_bytes(CONTENT)
    fetch(source.as_uri(), CHECKSUM, tmp_path / "disk", quiet)
    assert (tmp_path / "disk").read_bytes() == source.read_bytes() == CONTENT
    with pytest.raises(MediaFault, match="No such file"):
        fetch((tmp_path / "missing").as_uri(), CHECKSUM, tmp_path / "disk", quiet)


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EACCES, HostFault)]
)
def test_a_file_that_cannot_be_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[HostFault]
) -> None:
    def write(*arguments: object) -> None:
        raise OSError(number, "reason of the system")

    monkeypatch.setattr(module, "_write", write)
    with pytest.raises(HostFault, match="disk: reason of the system") as caught:
        fetch(server.url, CHECKSUM, tmp_path / "disk", quiet)
    assert type(caught.value) is expected


def test_progress_messages(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROGRESS_INTERVAL", 0.0)
    messages: list[str] = []
    fetch(server.url, CHECKSUM, tmp_path / "disk", messages.append)
    assert messages[-1] == f"fetching {server.url}: 1 MiB of 1 MiB (100 %)"
