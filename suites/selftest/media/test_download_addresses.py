"""Downloads from several addresses: mirrors, pauses that a server asks for, redirects and TLS."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.core.errors import MediaFault
from fixtures.media.download import Downloader
from suites.selftest.support.publishing_server import (
    PublishingServer,
    dribbles,
    publishing_server,
    says,
    truncates,
)

if TYPE_CHECKING:
    from pathlib import Path

from suites.selftest.media.test_download import CHECKSUM, CONTENT, IMPATIENT, OTHER, fetch, litter, quiet


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
