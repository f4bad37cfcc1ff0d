"""Downloads from a server on this host: resumed, verified, and never half believed."""

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
    """Serves CONTENT. ``cut`` ends each answer after so many bytes, ``ranges`` is whether it can resume."""

    daemon_threads = True
    cut: int | None = None
    ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str | None, str | None]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left early is what some tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/disk.img"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((wanted, self.headers.get("Accept-Encoding")))
        if self.path != "/disk.img":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
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
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_a_whole_download(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert server.asked == [(None, "identity")]


def test_a_download_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(CONTENT[:100_000])
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert server.asked[0][0] == "bytes=100000-"


def test_a_server_that_cannot_resume_begins_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    partial = tmp_path / "disk"
    partial.write_bytes(b"x" * 100_000)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_transfer_that_is_cut_off_is_kept_and_continued(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    server.cut = 300_000
    with pytest.raises(MediaFault, match=r"the download failed: .*run again to go on with it"):
        fetch(server.url, CHECKSUM, partial, quiet)
    kept = partial.stat().st_size
    assert kept >= 300_000 - 65536
    assert partial.read_bytes() == CONTENT[:kept]
    server.cut = None
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT
    assert [wanted for wanted, _ in server.asked] == [None, f"bytes={kept}-"]


def test_a_download_that_was_complete_already(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(CONTENT)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert partial.read_bytes() == CONTENT


def test_a_wrong_digest_throws_the_file_away(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    with pytest.raises(MediaFault, match=f"expected sha256:0000.*, found {CHECKSUM}"):
        fetch(server.url, "sha256:" + "0" * 64, partial, quiet)
    assert not partial.exists()


def test_a_partial_file_of_something_else_is_thrown_away(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "disk"
    partial.write_bytes(b"x" * 1000)
    with pytest.raises(MediaFault, match="thrown away"):
        fetch(server.url, CHECKSUM, partial, quiet)
    fetch(server.url, CHECKSUM, partial, quiet)
    assert file_digest(partial) == CHECKSUM


def test_what_is_not_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(MediaFault, match="404"):
        fetch(server.url + ".old", CHECKSUM, tmp_path / "disk", quiet)
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as closed:
        url = closed.url
    with pytest.raises(MediaFault, match="the download failed"):
        fetch(url, CHECKSUM, tmp_path / "disk", quiet)


def test_a_file_on_this_host(tmp_path: Path) -> None:
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
        raise OSError(number, "said the system")

    monkeypatch.setattr(module, "_write", write)
    with pytest.raises(HostFault, match="disk: said the system") as caught:
        fetch(server.url, CHECKSUM, tmp_path / "disk", quiet)
    assert type(caught.value) is expected


def test_progress_is_told(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TELL_EVERY", 0.0)
    told: list[str] = []
    fetch(server.url, CHECKSUM, tmp_path / "disk", told.append)
    assert told[-1] == f"fetching {server.url}: 1 MiB of 1 MiB (100 %)"
