"""Downloads from a server on this host that behaves, and that misbehaves in every way that servers do."""

from __future__ import annotations

import datetime
import errno
import hashlib
import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.core.errors import HostFault, MediaFault, NoSpace
from fixtures.media import http_transfer
from fixtures.media.download import Downloader
from fixtures.media.http_transfer import DEFAULT_LIMITS, Limits, TransferFailed, shown
from fixtures.media.meters import LineMeter
from fixtures.media.partial_file import PartialFile
from suites.selftest.support.publishing_server import (
    PublishingServer,
    dribbles,
    publishing_server,
    says,
    stalls,
    truncates,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 4096
OTHER = bytes(reversed(CONTENT))
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(CONTENT).hexdigest()}"
# Short enough for a test, and still no measure of time: a stalled transfer waits for as long as it takes.
IMPATIENT = Limits(silence=0.3, minimum=64 << 10)


def quiet(what: str, done: int, total: int) -> None:
    del what, done, total


def no_pause(seconds: float) -> None:
    pytest.fail(f"nobody asked for a pause of {seconds} s")


def fetch(path: Path, *addresses: str, checksum: str = CHECKSUM, limits: Limits = DEFAULT_LIMITS) -> str:
    return Downloader(quiet, limits, no_pause).fetch(addresses, checksum, path)


def litter(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishingServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with publishing_server() as running:
        running.files["/disk.img"] = CONTENT
        yield running


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    directory = tmp_path / "cache"
    directory.mkdir()
    return directory / "disk"


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


def test_a_mirror_takes_over(server: PublishingServer, partial: Path) -> None:
    server.files["/mirror/disk.img"] = CONTENT
    gone, mirror = server.url("/gone.img"), server.url("/mirror/disk.img")
    assert fetch(partial, gone, mirror) == mirror
    assert partial.read_bytes() == CONTENT


def test_a_mirror_completes_what_another_began(server: PublishingServer, partial: Path) -> None:
    server.files["/mirror/disk.img"] = CONTENT
    server.answers = [truncates(300_000, CONTENT), says(500)]
    fetch(partial, server.url(), server.url("/mirror/disk.img"))
    assert partial.read_bytes() == CONTENT
    # The entity tag is one of the other server.
    assert [headers["If-Range"] is None for _, headers in server.requests] == [True, False, True]
    assert server.ranges()[-1] == "bytes=300000-"


def test_a_mirror_takes_over_from_a_wrong_digest(server: PublishingServer, partial: Path) -> None:
    server.files |= {"/disk.img": OTHER, "/mirror/disk.img": CONTENT}
    fetch(partial, server.url(), server.url("/mirror/disk.img"))
    assert partial.read_bytes() == CONTENT


def test_each_address_is_named_with_its_reason(server: PublishingServer, partial: Path) -> None:
    with publishing_server() as closed:
        refused = closed.url()
    with pytest.raises(MediaFault) as caught:
        fetch(partial, server.url("/old.img"), refused)
    assert caught.value.message == (
        f"the download failed: {server.url('/old.img')}: 404 Not Found; "
        f"{refused}: [Errno 111] Connection refused"
    )
    assert litter(partial) == []


def test_a_server_that_asks_to_come_back_is_asked_again(server: PublishingServer, partial: Path) -> None:
    pauses: list[float] = []
    server.answers = [says(503, {"Retry-After": 7}), says(429, {"Retry-After": 2})]
    Downloader(quiet, pause=pauses.append).fetch([server.url()], CHECKSUM, partial)
    assert pauses == [7, 2]
    assert partial.read_bytes() == CONTENT


@pytest.mark.parametrize("when", ["31", "3600", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_a_long_pause_is_named(
    server: PublishingServer, partial: Path, when: str
) -> None:
    server.answers = [says(503, {"Retry-After": when})]
    with pytest.raises(MediaFault, match="503 Service Unavailable; it asks to come back after"):
        fetch(partial, server.url())


@pytest.mark.parametrize("when", ["soon", "-1", ""])
def test_a_time_to_come_back_that_is_none(server: PublishingServer, partial: Path, when: str) -> None:
    server.answers = [says(503, {"Retry-After": when})]
    with pytest.raises(MediaFault, match="503 Service Unavailable$"):
        fetch(partial, server.url())


def test_a_mirror_is_asked_before_anybody_waits(server: PublishingServer, partial: Path) -> None:
    server.answers = [says(503, {"Retry-After": 1})]
    fetch(partial, server.url("/elsewhere.img"), server.url())
    assert partial.read_bytes() == CONTENT


def test_redirects_are_followed(server: PublishingServer, partial: Path) -> None:
    server.answers = [says(302, {"Location": "/there"}), says(308, {"Location": server.url()})]
    fetch(partial, server.url("/here"))
    assert [path for path, _ in server.requests] == ["/here", "/there", "/disk.img"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/disk.img", "data:,x"])
def test_a_redirect_to_another_scheme_is_refused(
    server: PublishingServer, partial: Path, target: str
) -> None:
    server.answers = [says(302, {"Location": target})]
    with pytest.raises(MediaFault, match="redirects to .*; only http and https are followed"):
        fetch(partial, server.url())
    assert litter(partial) == []


def test_a_loop_of_redirects_is_refused(server: PublishingServer, partial: Path) -> None:
    server.answers = [says(302, {"Location": "/disk.img"})] * 12
    with pytest.raises(MediaFault, match="redirects more than 10 times"):
        fetch(partial, server.url())


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that requests trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_redirect_from_https_to_http_is_refused(
    server: PublishingServer, tls: ssl.SSLContext, partial: Path
) -> None:
    with publishing_server(tls) as secure:
        secure.files["/disk.img"] = CONTENT
        secure.answers = [says(302, {"Location": server.url()})]
        with pytest.raises(MediaFault, match=f"redirects from https to http: {server.url()}"):
            fetch(partial, secure.url())
        assert server.requests == []
        server.answers = [says(302, {"Location": secure.url()})]
        fetch(partial, server.url())
    assert partial.read_bytes() == CONTENT


def test_a_stalled_transfer_over_tls_ends(
    server: PublishingServer, tls: ssl.SSLContext, partial: Path
) -> None:
    with publishing_server(tls) as secure:
        secure.answers = [dribbles(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")]
        with pytest.raises(MediaFault, match="the transfer stalled"):
            fetch(partial, secure.url(), limits=IMPATIENT)


def test_an_unknown_certificate_is_named(
    tls: ssl.SSLContext, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with publishing_server(tls) as secure, pytest.raises(MediaFault, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(partial, secure.url())


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

    def interrupt(what: str, done: int, total: int) -> None:
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
    assert server.requests[0][1]["Authorization"] is not None


def test_a_small_file_has_a_limit(server: PublishingServer, tmp_path: Path) -> None:
    downloader = Downloader(quiet)
    assert downloader.read(server.url(), len(CONTENT)) == CONTENT
    (tmp_path / "sums").write_bytes(CONTENT)
    for address in (server.url(), (tmp_path / "sums").as_uri()):
        with pytest.raises(TransferFailed, match="is larger than 100 bytes"):
            downloader.read(address, 100)
