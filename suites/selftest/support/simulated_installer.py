"""A simulated installer: a bootable CD that asks for a key, fills a disk, and restarts the machine.

From outside, it behaves like the installer of an operating system. It has two boot programs. The program on the CD
reads the CD, looks for the medium with the answers, and writes the second program to the disk. The program on the disk
counts its starts on the disk, restarts until the number is reached, prints a text on the serial port, and powers off.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pycdlib

if TYPE_CHECKING:
    from pathlib import Path

EndAction = Literal["restart", "off", "hang"]

_BASE = 0x7C00
# Behind the CD's boot program.
_BUFFER = 0x9000
# The boot program reads this much from the CD, more than any boot program needs.
_PAYLOAD = 10 << 20
_PIECE = 32 << 10
LABEL = b"IRONGUEST"
COUNT_SECTOR = 1

# Restart through the keyboard controller; power off through ACPI's port on SeaBIOS; hang.
_END_CODE = {"restart": "b0fe e664 ebfe", "off": "ba0406 b80020 ef ebfe", "hang": "fa f4 ebfd"}

# Print the text at si on COM1: lodsb; test al, al; jz end; mov ah, al; mov dx, 0x3fd; wait: in al, dx; test al, 0x20;
# jz wait; mov dx, 0x3f8; mov al, ah; out dx, al; jmp start; end: ret
_PRINT = "ac 84c0 7412 88c4 bafd03 ec a820 74fb baf803 88e0 ee ebe9 c3"


class MachineCode:
    """An assembler for 16-bit machine code in hexadecimal digits with labels.

    ``name:`` defines a label and inserts the blob of that name. ``@name`` is its address in two bytes, ``>name`` the
    distance to it in two bytes, and ``-name`` the distance in one byte.
    """

    def __init__(self, text: str, **blobs: bytes) -> None:
        self._parts = re.findall(r"\S+", text)
        self._blobs = blobs

    def bytes(self) -> bytes:
        labels: dict[str, int] = {}
        for _ in range(2):
            out = bytearray()
            for part in self._parts:
                name = part.strip(":@>-")
                address, target = _BASE + len(out), labels.get(name, _BASE)
                if part.endswith(":"):
                    labels[name] = address
                    out += self._blobs.get(name, b"")
                elif part[0] == "@":
                    out += target.to_bytes(2, "little")
                elif part[0] == ">":
                    out += ((target - address - 2) % 65536).to_bytes(2, "little")
                elif part[0] == "-":
                    out += ((target - address - 1) % 256).to_bytes(1, "little")
                else:
                    out += bytes.fromhex(part)
        return bytes(out)


def _packet(sectors: int, segment: int, offset: int, sector: int) -> bytes:
    """The disk address packet for the functions 42h and 43h of INT 13h."""
    return b"".join(
        number.to_bytes(size, "little")
        for number, size in ((16, 1), (0, 1), (sectors, 2), (offset, 2), (segment, 2), (sector, 8))
    )


@dataclass(frozen=True)
class SimulatedInstaller:
    """The behaviour of the installer. The CD ends with ``then`` after it has filled the disk.

    The disk restarts until it was started ``starts`` times (0: for ever), prints ``words``, and ends with ``at_end``.
    ``ticks`` is the lower half of the BIOS clock before the CD asks for a key.
    """

    wants_key: bool = True
    wants_answers: bool = True
    then: EndAction = "restart"
    starts: int = 3
    words: str = "IRONGUEST-SETUP finishing\r\nIRONGUEST-SETUP done\r\n"
    at_end: EndAction = "off"
    ticks: int | None = None

    def disk_code(self) -> bytes:
        """The boot sector of the disk: it counts the starts, and restarts or ends."""
        code = MachineCode(
            f"""
            31c0 8ed8 8ec0 8ed0 bc007c fc b280
            be @packet b442 cd13
            fe06 {_BUFFER.to_bytes(2, "little").hex()}
            be @packet b80043 cd13
            a0 {_BUFFER.to_bytes(2, "little").hex()} 3c{self.starts:02x} 74 -last
            be @restarting e8 >print {_END_CODE["restart"]}
            last: be @words e8 >print {_END_CODE[self.at_end]}
            print: {_PRINT}
            packet: restarting: words:
            """,
            packet=_packet(1, 0, _BUFFER, COUNT_SECTOR),
            restarting=b"the disk starts\r\n\0",
            words=self.words.encode() + b"\0",
        ).bytes()
        assert len(code) <= 510
        return code.ljust(510, b"\0") + b"\x55\xaa"

    def cd_code(self) -> bytes:
        """The boot program of the CD: it waits for a key, reads the CD, finds the answers, and writes the disk."""
        # Prompt, then wait for a key or for 91 ticks of the clock (five seconds); without a key, boot the next device.
        # The code counts ticks: the clock is reset at midnight, and its lower half wraps every hour.
        clock = "" if self.ticks is None else f"b401 b91200 ba{self.ticks.to_bytes(2, 'little').hex()} cd1a"
        key = f"""
            {clock}
            be @prompt e8 >print
            b400 cd1a 89d5 bf5b00
            ask: b401 cd16 75 -pressed b400 cd1a 39ea 74 -ask 89d5 4f 75 -ask
            be @nokey e8 >print cd18
            pressed: b400 cd16
        """
        # For the drives e0h to e7h: read the volume descriptor and compare the name of the volume.
        answers = f"""
            b2e0
            look: 52 be @descriptor b442 cd13 5a 72 -next
            be @label bf {(_BUFFER + 40).to_bytes(2, "little").hex()} b90900 f3a6 74 -found
            next: fec2 80fae8 75 -look
            be @noanswers e8 >print {_END_CODE["hang"]}
            found: be @answers e8 >print
        """
        code = MachineCode(
            f"""
            31c0 8ed8 8ec0 8ed0 bc007c fb fc
            8816 @drive
            {key if self.wants_key else ""}
            be @starting e8 >print
            b9 {(_PAYLOAD // _PIECE - 8).to_bytes(2, "little").hex()}
            read: 51 be @piece b442 8a16 @drive cd13 59 72 -bad
            8306 @pieceat 10 e2 -read
            {answers if self.wants_answers else ""}
            be @tosector b280 b80043 cd13 72 -bad
            be @tocount b280 b80043 cd13 72 -bad
            be @copied e8 >print {_END_CODE[self.then]}
            bad: be @badread e8 >print {_END_CODE["hang"]}
            print: {_PRINT}
            drive: piece: pieceat: piecerest: descriptor: tosector: tocount: label:
            prompt: nokey: starting: answers: noanswers: copied: badread: zeroes: sector:
            """,
            drive=b"\0",
            piece=_packet(_PIECE // 2048, 0x1000, 0, 32)[:8],
            pieceat=(32).to_bytes(2, "little"),
            piecerest=bytes(6),
            descriptor=_packet(1, 0, _BUFFER, 16),
            tosector=_packet(1, 0, _BASE + 2048 - 512, 0),
            tocount=_packet(1, 0, _BASE + 2048 - 1024, COUNT_SECTOR),
            label=LABEL,
            prompt=b"Press any key to boot from CD or DVD.....\r\n\0",
            nokey=b"nobody pressed a key\r\n\0",
            starting=b"the installer starts\r\n\0",
            answers=b"the answers are there\r\n\0",
            noanswers=b"IRONGUEST-SETUP failed: no medium with answers\r\n\0",
            copied=b"the disk is filled\r\n\0",
            badread=b"IRONGUEST-SETUP failed: a medium cannot be read\r\n\0",
        ).bytes()
        assert len(code) <= 1024
        return code.ljust(2048 - 512, b"\0") + self.disk_code()

    def write(self, path: Path) -> Path:
        """Write the CD as an ISO image that boots by El Torito without emulation."""
        image = pycdlib.PyCdlib()
        image.new(vol_ident="STANDIN")
        boot = self.cd_code()
        image.add_fp(io.BytesIO(boot), len(boot), "/BOOT.BIN;1")
        image.add_eltorito("/BOOT.BIN;1", bootcatfile="/BOOT.CAT;1", boot_load_size=4)
        image.add_fp(io.BytesIO(bytes(_PAYLOAD)), _PAYLOAD, "/PAYLOAD.BIN;1")
        image.write(str(path))
        image.close()
        return path
