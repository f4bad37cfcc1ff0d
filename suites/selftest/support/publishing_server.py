"""A server on this host that publishes files, and that can be told to serve them badly."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import ssl

Answer = Callable[["Handler"], None]


class PublishingServer(ThreadingHTTPServer):
    """Publishes ``files`` by path. The next of ``answers`` replaces the proper answer to a request.

    ``requests`` are the path and the headers of each request. Properly, a file has an entity tag that changes
    with its content.
    """

    daemon_threads = True
    has_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, Message]] = []
        self.scheme = "http"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect early, as some tests do."""

    def url(self, path: str = "/disk.img") -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}{path}"

    def ranges(self) -> list[str | None]:
        """The header Range of each request."""
        return [headers["Range"] for _, headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    server: PublishingServer

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append((path, self.headers))
        self.close_connection = True
        if self.server.answers:
            self.server.answers.pop(0)(self)
        elif path not in self.server.files:
            self.send_error(404)
        else:
            self.serve(self.server.files[path])

    def serve(self, content: bytes) -> None:
        tag = f'"{hash(content):x}"'
        wanted = self.headers["Range"] if self.headers["If-Range"] in {None, tag} else None
        if wanted is None or not self.server.has_ranges:
            self.say(200, {"Content-Length": len(content), "ETag": tag}, content)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.say(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        part = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers = {"Content-Length": len(content) - start, "Content-Range": part, "ETag": tag}
        self.say(206, headers, content[start:])

    def say(self, status: int, headers: dict[str, object], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def wait_for_the_client_to_leave(self) -> None:
        self.wfile.flush()
        self.connection.recv(1)

    def log_message(self, *arguments: object) -> None:
        pass


def says(status: int, headers: dict[str, object] | None = None, body: bytes = b"") -> Answer:
    return lambda handler: handler.say(status, headers or {}, body)


def truncates(size: int, content: bytes) -> Answer:
    """Announce all of ``content`` and send ``size`` bytes of it."""
    return says(200, {"Content-Length": len(content), "ETag": f'"{hash(content):x}"'}, content[:size])


def stalls(size: int, content: bytes) -> Answer:
    """Send ``size`` bytes of ``content``, then nothing more, without an end."""

    def answer(handler: Handler) -> None:
        truncates(size, content)(handler)
        handler.wait_for_the_client_to_leave()

    return answer


def dribbles(start: bytes, forever: bytes) -> Answer:
    """Send ``start``, and then ``forever``, a byte at a time, until the client leaves."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(start)
        while not select.select([handler.connection], [], [], 0.001)[0]:
            handler.wfile.write(forever)

    return answer


@contextmanager
def publishing_server(tls: ssl.SSLContext | None = None) -> Iterator[PublishingServer]:
    with PublishingServer() as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
