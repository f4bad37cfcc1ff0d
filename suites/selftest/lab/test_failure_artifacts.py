"""Failure artifacts of a running machine: screenshot, console text and packet captures."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fixtures.core.deadline import Deadline
from fixtures.core.errors import IronguestError, MachineKilled, MonitorFault
from fixtures.evidence.recording import failure_artifacts_directory
from fixtures.lab.instance.guest_instance import GuestInstance
from fixtures.lab.observation.failure_artifacts import keep_artifacts
from fixtures.machine.machine import Machine
from fixtures.machine.screendump import screendump
from fixtures.oracles.packet_capture import frames
from suites.selftest.support.instance_sample import boot_sector_instance
from suites.selftest.support.machine_sample import HANG, printing_code

ALL_DEVICES = {"disk": ["ide-hd"], "display": ["VGA"], "nic": ["e1000"]}


def journal(instance: GuestInstance) -> list[dict[str, Any]]:
    lines = (instance.directories.evidence / "qmp.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == "failure artifact"]


def test_all_artifacts_are_kept(tmp_path: Path) -> None:
    with boot_sector_instance(
        tmp_path, printing_code("one\r\ntwo\x1b[1;1HONE"), devices=ALL_DEVICES
    ) as instance:
        assert instance.console.wait_for([b"ONE"], Deadline.after(60.0)) == 0
        artifacts = keep_artifacts(instance, tmp_path / "failure")
        assert [path.name for path in artifacts] == ["screen.png", "screen.txt", "net0.pcap"]
        assert journal(instance) == []
    with Image.open(tmp_path / "failure" / "screen.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (720, 400))
        # SeaBIOS has printed text.
        assert len(picture.convert("RGB").getcolors() or []) > 1
    assert (tmp_path / "failure" / "screen.txt").read_text() == "ONE\ntwo\n"
    assert list(frames(tmp_path / "failure" / "net0.pcap")) == []


def test_a_machine_without_display_and_card_has_only_text(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path, HANG) as instance:
        artifacts = keep_artifacts(instance, tmp_path / "failure")
    assert [path.name for path in artifacts] == ["screen.txt"]


def test_a_paused_machine_has_artifacts(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path, HANG, devices=ALL_DEVICES) as instance:
        instance.machine.execute("stop")
        assert len(keep_artifacts(instance, tmp_path / "failure")) == 3


def test_a_killed_machine_has_text_and_captures(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path, printing_code("last words"), devices=ALL_DEVICES) as instance:
        assert instance.console.wait_for([b"words"], Deadline.after(60.0)) == 0
        assert instance.machine.pid is not None
        os.kill(instance.machine.pid, signal.SIGKILL)
        with pytest.raises(MachineKilled):
            instance.console.wait_for([b"never"], Deadline.after(60.0))
        artifacts = keep_artifacts(instance, tmp_path / "failure")
        assert [path.name for path in artifacts] == ["screen.txt", "net0.pcap"]
        assert [(each["file"], "SIGKILL" in each["missing"]) for each in journal(instance)] == [
            ("screen.png", True)
        ]
    assert not (tmp_path / "failure" / "screen.png").exists()


def test_a_machine_that_is_off_has_no_artifacts(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path, HANG, devices=ALL_DEVICES) as instance:
        instance.machine.quit()
        assert keep_artifacts(instance, tmp_path / "failure") == ()
    assert not (tmp_path / "failure").exists()


def test_a_qemu_without_png_support_gives_a_screenshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Machine.execute

    def refusing(machine: Machine, command: str, arguments: Any = None, within: float = 10.0) -> Any:
        if command == "screendump" and arguments["format"] == "png":
            raise MonitorFault("Enable PNG support with libpng for screendump")
        return execute(machine, command, arguments, within)

    with boot_sector_instance(tmp_path, HANG, devices=ALL_DEVICES) as instance:
        monkeypatch.setattr(Machine, "execute", refusing)
        screendump(instance.machine, tmp_path / "screen.png")
    with Image.open(tmp_path / "screen.png") as picture:
        assert picture.format == "PNG"
    assert not (tmp_path / "screen.ppm").exists()


def test_a_machine_without_display_has_no_screenshot(tmp_path: Path) -> None:
    with boot_sector_instance(tmp_path, HANG) as instance, pytest.raises(IronguestError, match="screendump"):
        screendump(instance.machine, tmp_path / "screen.png")


@pytest.mark.parametrize(
    ("answers", "directory"),
    [
        ("answers.jsonl", "failure"),
        ("answers.2.jsonl", "failure.2"),
        ("answers-nic-0a1b2c3d.jsonl", "failure-nic-0a1b2c3d"),
    ],
)
def test_each_attempt_has_its_own_directory(answers: str, directory: str) -> None:
    assert failure_artifacts_directory(Path("evidence") / answers) == Path("evidence") / directory
