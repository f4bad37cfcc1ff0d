"""Boot sectors from assembly, in 16-bit code that SeaBIOS starts."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Routines that every source can call.
_ROUTINES = """
print:                      # prints the text at si with the BIOS
    lodsb
    test    al, al
    jz      1f
    call    putc
    jmp     print
1:  ret
putc:                       # prints the character in al
    mov     ah, 0x0e
    mov     bx, 7
    int     0x10
    ret
getc:                       # waits for a key; its character is in al
    xor     ax, ax
    int     0x16
    ret
ticks:                      # waits for cx ticks of the timer (18.2 Hz)
    mov     dx, [0x46c]
1:  hlt
    cmp     dx, [0x46c]
    je      1b
    loop    ticks
    ret
clear:                      # clears the screen
    mov     ax, 3
    int     0x10
    ret
send:                       # prints the text at si on COM1
    lodsb
    test    al, al
    jz      2f
    mov     ah, al
    mov     dx, 0x3fd
1:  in      al, dx
    test    al, 0x20
    jz      1b
    mov     dx, 0x3f8
    mov     al, ah
    out     dx, al
    jmp     send
2:  ret
reset:                      # resets the machine by the keyboard controller
    mov     al, 0xfe
    out     0x64, al
    hlt
stop:
    hlt
    jmp     stop
"""


def assemble(directory: Path, source: str) -> bytes:
    """The machine code of ``source`` (Intel syntax), which may call ``print``, ``getc``, ``ticks`` and more."""
    start = ".intel_syntax noprefix\n.code16\nxor ax, ax\nmov ds, ax\nmov es, ax\nmov ss, ax\nmov sp, 0x7c00\ncld\nsti\n"
    assembly, linked, code = (directory / f"boot-sector{suffix}" for suffix in (".S", ".o", ".bin"))
    assembly.write_text(f"{start}{source}\n{_ROUTINES}")
    subprocess.run(["as", "--32", "-o", str(linked), str(assembly)], check=True)
    layout = ["-m", "elf_i386", "-Ttext", "0x7c00", "-e", "0x7c00", "--oformat", "binary"]
    subprocess.run(["ld", *layout, "-o", str(code), str(linked)], check=True)
    return code.read_bytes()
