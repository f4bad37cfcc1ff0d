"""Disks with one fault on purpose: an NBD server for a file that handles some requests wrongly.

The protocol is NBD's fixed newstyle negotiation and simple replies (the NBD project's doc/proto.md).
"""

from __future__ import annotations

import io
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

from fixtures.oracles.disk_holes import punch_hole

SECTOR = 512
_OPTION = struct.Struct(">QII")
_REPLY = struct.Struct(">QIII")
_REQUEST = struct.Struct(">IHHQQI")
_SIMPLE = struct.Struct(">IIQ")
_REPLY_MAGIC = 0x3E889045565A9
_SIMPLE_MAGIC = 0x67446698
_GO, _ACK, _INFO, _UNSUPPORTED = 7, 1, 3, 0x80000001
# Transmission flags: has flags, supports flushes, Force Unit Access and discards.
_FLAGS = 1 | 4 | 8 | 32
_MAX_REQUEST = 32 << 20
EIO = 5


class HealthyDisk:
    """A disk without faults; subclasses add one fault each. Offsets and lengths are in bytes."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("r+b", buffering=0)

    def read(self, at: int, length: int) -> bytes:
        """Read ``length`` bytes."""
        self.file.seek(at)
        return self.file.read(length)

    def write(self, at: int, data: bytes) -> None:
        """Write ``data``."""
        self.file.seek(at)
        self.file.write(data)

    def discard(self, at: int, length: int) -> None:
        """Discard a range."""
        punch_hole(self.file.fileno(), at, length)


class OneSectorFault(HealthyDisk):
    """A disk with a fault at one sector."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path)
        self.at = sector * SECTOR

    def write(self, at: int, data: bytes) -> None:
        """Write ``data``, except for the sector with the fault, which goes to :meth:`spoil`."""
        if not at <= self.at < at + len(data):
            return super().write(at, data)
        split = self.at - at
        super().write(at, data[:split])
        self.spoil(data[split : split + SECTOR])
        return super().write(self.at + SECTOR, data[split + SECTOR :])

    def spoil(self, data: bytes) -> None:
        """Handle the new content of the sector with the fault; here it is lost."""


class LosesWrite(OneSectorFault):
    """Reports a write to a sector as successful and does not write it."""


class TearsWrite(OneSectorFault):
    """Writes only the first half of a sector."""

    def spoil(self, data: bytes) -> None:
        """Write the first half."""
        HealthyDisk.write(self, self.at, data[: SECTOR // 2])


class FlipsBit(OneSectorFault):
    """Flips one bit of a sector."""

    def spoil(self, data: bytes) -> None:
        """Write the data with one flipped bit."""
        HealthyDisk.write(self, self.at, data[:99] + bytes([data[99] ^ 4]) + data[100:])


class ZeroesSector(OneSectorFault):
    """Writes zeros instead of a sector's data."""

    def spoil(self, data: bytes) -> None:
        """Write zeros."""
        HealthyDisk.write(self, self.at, bytes(len(data)))


class MisdirectsWrite(OneSectorFault):
    """Writes a sector to a place 100 sectors further on."""

    def spoil(self, data: bytes) -> None:
        """Write the data 100 sectors further on."""
        HealthyDisk.write(self, self.at + 100 * SECTOR, data)


class SwapsSectors(OneSectorFault):
    """Exchanges two neighbouring sectors when one request writes both."""

    def write(self, at: int, data: bytes) -> None:
        """Write the data, and then the two sectors in the wrong order."""
        HealthyDisk.write(self, at, data)
        if at <= self.at and self.at + 2 * SECTOR <= at + len(data):
            split = self.at - at
            one, other = data[split : split + SECTOR], data[split + SECTOR : split + 2 * SECTOR]
            HealthyDisk.write(self, self.at, other + one)


class ReadsStale(OneSectorFault):
    """Returns the first content of a sector on every read, whatever is written later."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path, sector)
        self._first_content = HealthyDisk.read(self, self.at, SECTOR)

    def spoil(self, data: bytes) -> None:
        """Write the data without a fault."""
        HealthyDisk.write(self, self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """Read, with the first content of the sector with the fault."""
        data = super().read(at, length)
        if not at <= self.at < at + length:
            return data
        split = self.at - at
        return data[:split] + self._first_content + data[split + SECTOR :]


class IgnoresRewrites(OneSectorFault):
    """Writes a sector once and ignores every later write to it."""

    def __init__(self, path: Path, sector: int) -> None:
        super().__init__(path, sector)
        self._is_written = False

    def spoil(self, data: bytes) -> None:
        """Write the data the first time only."""
        if not self._is_written:
            HealthyDisk.write(self, self.at, data)
        self._is_written = True


class FailsNeighbour(OneSectorFault):
    """Returns an error for reads of a sector and also of its neighbour."""

    def spoil(self, data: bytes) -> None:
        """Write the data without a fault."""
        HealthyDisk.write(self, self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """Read; raise OSError for the two sectors."""
        if at < self.at + 2 * SECTOR and self.at < at + length:
            raise OSError(EIO, "Input/output error")
        return super().read(at, length)


class WrapsAddresses(OneSectorFault):
    """Wraps around at ``sector``, as a disk with too few bits for the sector number does."""

    def write(self, at: int, data: bytes) -> None:
        """Write to the wrapped offset."""
        HealthyDisk.write(self, at % self.at, data)

    def read(self, at: int, length: int) -> bytes:
        """Read from the wrapped offset."""
        return HealthyDisk.read(self, at % self.at, length)


class MultipliesDiscards(OneSectorFault):
    """Takes the offset of a discard for a number of sectors of 512 bytes in units of 4 KiB: eight times it.

    The sector of the fault does not matter. Like a disk, it ignores what lies past its end.
    """

    def discard(self, at: int, length: int) -> None:
        """Discard a range of the same length at eight times the offset."""
        HealthyDisk.discard(self, 8 * at, length)


class NbdServer:
    """Serves a disk on a Unix socket until the end of ``with``, one connection at a time."""

    def __init__(self, disk: HealthyDisk, path: Path) -> None:
        self.path = path
        self._disk = disk
        self._size = disk.file.seek(0, 2)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> NbdServer:
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
                struct.pack(">HIII", 3, SECTOR, 4096, _MAX_REQUEST),
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
                case 2:  # the client disconnects
                    return False
                case 4:
                    self._disk.discard(at, length)
        except OSError as failure:
            error = failure.errno or EIO
        stream.write(_SIMPLE.pack(_SIMPLE_MAGIC, error, handle) + data)
        stream.flush()
        return True
