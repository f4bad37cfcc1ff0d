"""The PowerShell scripts for Windows guests: their grammar, quoting and block sizes."""

from __future__ import annotations

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from fixtures.channels.shells.windows import powershell_agent
from fixtures.systems.windows import commands, disks, kernel, network, pci, services, system_files

SCRIPTS = {
    "agent": powershell_agent.SCRIPT,
    "start of the agent": powershell_agent.startup_lines()[-1].partition(' "')[2].rstrip('"'),
    "pci": pci.QUERY,
    "disks": disks.QUERY,
    "network": network.QUERY,
    "kernel": kernel.QUERY,
    "firmware": kernel.FIRMWARE,
    "state": services.STATE,
    "failed": services.FAILED_UNITS,
    "log errors": services.LOG_ERRORS,
    "boot id": services.BOOT_ID,
    "sfc": system_files.QUERY,
    "clock": commands.CLOCK,
    "copy": commands.copy(r"\\.\PhysicalDrive1", r"\\.\PhysicalDrive2", 1 << 20, source_offset=512),
    "digest": commands.digest(r"\\.\PhysicalDrive1", 1 << 20),
    "file digest": commands.file_digest(r"C:\it's here"),
    "receive": commands.receive("10.0.2.100", 7000, 65536, r"C:\Windows\Temp\payload"),
    "send": commands.send("10.0.2.100", 7000, r"C:\Windows\Temp\payload"),
    "resume": commands.resume(1715588400.123, b"seed"),
    "reboot": commands.REBOOT,
    "power off": commands.POWER_OFF,
}


def is_powershell(text: str) -> bool:
    """Whether ``text`` parses with the grammar of PowerShell."""
    parser = Parser(Language(tree_sitter_powershell.language()))
    return not parser.parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_powershell_in_plain_ascii_on_one_line(name: str) -> None:
    text = SCRIPTS[name]
    assert is_powershell(text)
    assert text.isascii()
    assert "\n" not in text or name == "agent"


def test_the_grammar_rejects_text_that_is_not_powershell() -> None:
    assert not is_powershell(pci.QUERY.replace("ForEach-Object {", "ForEach-Object (", 1))


def test_commands_quote_and_count_whole_blocks() -> None:
    assert "'C:\\it''s'" in commands.file_digest(r"C:\it's")
    assert "New-Object byte[] 512;" in commands.digest("x", 1024, 512)
    with pytest.raises(ValueError, match="512"):
        commands.copy("a", "b", 100)
    assert "DateTime(2024, 5, 13, 8, 20, 0, 123, 'Utc')" in commands.resume(1715588400.1235, b"seed")
