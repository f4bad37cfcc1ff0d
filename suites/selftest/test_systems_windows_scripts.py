"""Every script that is given to a Windows guest: whether it is PowerShell at all, and what it quotes and counts."""

from __future__ import annotations

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from fixtures.channels import powershell_servant
from fixtures.systems import (
    windows_commands,
    windows_disks,
    windows_integrity,
    windows_kernel,
    windows_network,
    windows_pci,
    windows_services,
)

SCRIPTS = {
    "servant": powershell_servant.SCRIPT,
    "start of the servant": powershell_servant.introduction()[-1].partition(' "')[2].rstrip('"'),
    "pci": windows_pci.QUESTION,
    "disks": windows_disks.QUESTION,
    "network": windows_network.QUESTION,
    "kernel": windows_kernel.QUESTION,
    "firmware": windows_kernel.FIRMWARE,
    "state": windows_services.STATE,
    "failed": windows_services.FAILED_UNITS,
    "complaints": windows_services.COMPLAINTS,
    "boot id": windows_services.BOOT_ID,
    "sfc": windows_integrity.QUESTION,
    "clock": windows_commands.CLOCK,
    "copy": windows_commands.copy(r"\\.\PhysicalDrive1", r"\\.\PhysicalDrive2", 1 << 20, source_offset=512),
    "digest": windows_commands.digest(r"\\.\PhysicalDrive1", 1 << 20),
    "file digest": windows_commands.file_digest(r"C:\it's here"),
    "drop buffers": windows_commands.drop_buffers(r"\\.\PhysicalDrive1"),
    "sync": windows_commands.SYNC,
    "receive": windows_commands.receive("10.0.2.100", 7000, 65536, r"C:\Windows\Temp\payload"),
    "send": windows_commands.send("10.0.2.100", 7000, r"C:\Windows\Temp\payload"),
    "awaken": windows_commands.awaken(1715588400.123),
    "restart": windows_commands.RESTART,
    "power off": windows_commands.POWER_OFF,
}


def grammar(text: str) -> bool:
    """Whether ``text`` is PowerShell, as far as a grammar can tell."""
    parser = Parser(Language(tree_sitter_powershell.language()))
    return not parser.parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_powershell_in_plain_ascii_on_one_line(name: str) -> None:
    text = SCRIPTS[name]
    assert grammar(text)
    assert text.isascii()
    assert "\n" not in text or name == "servant"


def test_the_grammar_finds_what_is_not_powershell() -> None:
    assert not grammar(windows_pci.QUESTION.replace("ForEach-Object {", "ForEach-Object (", 1))


def test_commands_quote_and_count_whole_blocks() -> None:
    assert "'C:\\it''s'" in windows_commands.file_digest(r"C:\it's")
    assert "New-Object byte[] 512;" in windows_commands.digest("x", 1024, 512)
    with pytest.raises(ValueError, match="512"):
        windows_commands.copy("a", "b", 100)
    assert "DateTime(2024, 5, 13, 8, 20, 0, 123, 'Utc')" in windows_commands.awaken(1715588400.1235)
