"""Disks that misbehave on purpose: an NBD server on a file, that does with a request what it should not.

The protocol is NBD's fixed newstyle negotiation and simple replies (the NBD project's doc/proto.md).
"""

from __future__ import annotations

import io
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

SECTOR = 512
_OPTION = struct.Struct(">QII")
_REPLY = struct.Struct(">QIII")
_REQUEST = struct.Struct(">IHHQQI")
_SIMPLE = struct.Struct(">IIQ")
_REPLY_MAGIC = 0x3E889045565A9
_SIMPLE_MAGIC = 0x67446698
_GO, _ACK, _INFO, _UNSUPPORTED = 7, 1, 3, 0x80000001
# Has flags, takes flushes, takes Force Unit Access, takes discards.
_FLAGS = 1 | 4 | 8 | 32
_LARGEST = 32 << 20
EIO = 5


class Honest:
    """A disk that does what it is told. Others differ from it in one thing. Places are in bytes."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("r+b", buffering=0)

    def read(self, at: int, length: int) -> bytes:
        """What is there."""
        self.file.seek(at)
        return self.file.read(length)

    def write(self, at: int, data: bytes) -> None:
        """Put it there."""
        self.file.seek(at)
        self.file.write(data)


class _OneSector(Honest):
    """Does something else to one sector."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path)
        self.at = sector * SECTOR

    def write(self, at: int, data: bytes) -> None:
        """Write in sectors, so that one of them can be another one's fate."""
        if not at <= self.at < at + len(data):
            return super().write(at, data)
        split = self.at - at
        super().write(at, data[:split])
        self.spoil(data[split : split + SECTOR])
        return super().write(self.at + SECTOR, data[split + SECTOR :])

    def spoil(self, data: bytes) -> None:
        """What becomes of the sector's new content: nothing."""


class Loses(_OneSector):
    """Says that it has written a sector, and has not."""


class Tears(_OneSector):
    """Writes half of a sector."""

    def spoil(self, data: bytes) -> None:
        """Half of it."""
        Honest.write(self, self.at, data[: SECTOR // 2])


class Flips(_OneSector):
    """Flips a bit of a sector."""

    def spoil(self, data: bytes) -> None:
        """All but a bit."""
        Honest.write(self, self.at, data[:99] + bytes([data[99] ^ 4]) + data[100:])


class Zeroes(_OneSector):
    """Writes zeros in place of a sector."""

    def spoil(self, data: bytes) -> None:
        """Nothing of it."""
        Honest.write(self, self.at, bytes(len(data)))


class Misdirects(_OneSector):
    """Writes a sector a hundred sectors further on."""

    def spoil(self, data: bytes) -> None:
        """All of it, elsewhere."""
        Honest.write(self, self.at + 100 * SECTOR, data)


class Swaps(_OneSector):
    """Exchanges two neighbours once both are written."""

    def write(self, at: int, data: bytes) -> None:
        """Write what is wanted, and then the two sectors in the wrong order."""
        Honest.write(self, at, data)
        if at <= self.at and self.at + 2 * SECTOR <= at + len(data):
            split = self.at - at
            one, other = data[split : split + SECTOR], data[split + SECTOR : split + 2 * SECTOR]
            Honest.write(self, self.at, other + one)


class ReadsStale(_OneSector):
    """Reads a sector as it was when the disk came, whatever was written to it."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path, sector)
        self._old = Honest.read(self, self.at, SECTOR)

    def spoil(self, data: bytes) -> None:
        """It is written well."""
        Honest.write(self, self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """What is there, but for one sector."""
        data = super().read(at, length)
        if not at <= self.at < at + length:
            return data
        split = self.at - at
        return data[:split] + self._old + data[split + SECTOR :]


class RepeatsOld(_OneSector):
    """Writes a sector the first time, and never again."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path, sector)
        self._written = False

    def spoil(self, data: bytes) -> None:
        """The first of all."""
        if not self._written:
            Honest.write(self, self.at, data)
        self._written = True


class Fails(_OneSector):
    """Gives an error for a sector and for its neighbour, too."""

    def spoil(self, data: bytes) -> None:
        """It is written well."""
        Honest.write(self, self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """An error a sector too far."""
        if at < self.at + 2 * SECTOR and self.at < at + length:
            raise OSError(EIO, "Input/output error")
        return super().read(at, length)


class Wraps(_OneSector):
    """Has fewer bits for a sector's number than the disk needs: past ``sector`` it begins again."""

    def write(self, at: int, data: bytes) -> None:
        """Put it where the number without its high bits says."""
        Honest.write(self, at % self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """Consistently."""
        return Honest.read(self, at % self.at, length)


class Server:
    """Serves a disk at a socket until it is closed; one connection after another."""

    def __init__(self, disk: Honest, path: Path) -> None:
        self.path = path
        self._disk = disk
        self._size = disk.file.seek(0, 2)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                try:
                    self._negotiate(stream)
                    while self._answer(stream):
                        pass
                except (struct.error, ConnectionError):
                    continue

    def _negotiate(self, stream: io.BufferedRWPair) -> None:
        stream.write(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
        stream.flush()
        stream.read(4)
        while True:
            _, option, length = _OPTION.unpack(stream.read(_OPTION.size))
            stream.read(length)
            if option != _GO:
                stream.write(_REPLY.pack(_REPLY_MAGIC, option, _UNSUPPORTED, 0))
                stream.flush()
                continue
            infos = (
                struct.pack(">HQH", 0, self._size, _FLAGS),
                struct.pack(">HIII", 3, SECTOR, 4096, _LARGEST),
            )
            stream.writelines(_REPLY.pack(_REPLY_MAGIC, option, _INFO, len(info)) + info for info in infos)
            stream.write(_REPLY.pack(_REPLY_MAGIC, option, _ACK, 0))
            stream.flush()
            return

    def _answer(self, stream: io.BufferedRWPair) -> bool:
        _, _, kind, handle, at, length = _REQUEST.unpack(stream.read(_REQUEST.size))
        data, error = b"", 0
        try:
            match kind:
                case 0:
                    data = self._disk.read(at, length)
                case 1:
                    self._disk.write(at, stream.read(length))
                case 2:  # the client leaves
                    return False
        except OSError as failure:
            error = failure.errno or EIO
        stream.write(_SIMPLE.pack(_SIMPLE_MAGIC, error, handle) + data)
        stream.flush()
        return True
