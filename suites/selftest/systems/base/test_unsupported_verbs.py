"""Verbs that a system does not override raise SuiteFault, with the system and the request in the message."""

from __future__ import annotations

import inspect

import pytest

from fixtures.channels.shells.shell import CommandResult
from fixtures.core.errors import SuiteFault
from fixtures.systems.base.device_answers import Framebuffer, UnboundDisk
from fixtures.systems.base.devices import SystemDevices
from fixtures.systems.base.storage import SystemStorage
from fixtures.systems.base.system_part import SystemPart
from fixtures.systems.bsd.devices import FreeBsdDevices
from fixtures.systems.bsd.storage import FreeBsdStorage
from fixtures.systems.bsd.system import FreeBsd
from fixtures.systems.linux.devices import LinuxDevices
from fixtures.systems.linux.storage import LinuxStorage

FRAMEBUFFER = Framebuffer("fb0", "virtio", 640, 480, 32, 2560)
ARGUMENTS = {"framebuffer": FRAMEBUFFER, "disk": UnboundDisk("virtio_blk", "virtio5")}


class NoCommands:
    """A shell that must not get a command."""

    def run(self, command: str, within: float | None = None) -> CommandResult:
        raise AssertionError(f"expected no command, got {command!r}")


def verbs(part: type[SystemPart]) -> dict[str, inspect.Signature]:
    """The public methods of a base class that its subclasses may override."""
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(part, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", verbs(SystemDevices))
def test_every_device_verb_raises_by_default(name: str) -> None:
    method = getattr(SystemDevices(NoCommands()), name)
    parameters = inspect.signature(method).parameters.values()
    arguments = [
        ARGUMENTS.get(parameter.name, ())
        for parameter in parameters
        if parameter.kind != parameter.VAR_POSITIONAL
    ]
    with pytest.raises(SuiteFault, match="base class of systems does not support this request: "):
        method(*arguments)


OPTIONAL_STORAGE_VERBS = sorted(
    name for name in verbs(SystemStorage) if name in vars(LinuxStorage) and name not in vars(FreeBsdStorage)
)


@pytest.mark.parametrize("name", OPTIONAL_STORAGE_VERBS)
def test_every_optional_storage_verb_raises_by_default(name: str) -> None:
    method = getattr(FreeBsdStorage(NoCommands()), name)
    parameters = inspect.signature(method).parameters.values()
    positional = [
        parameter.name for parameter in parameters if parameter.kind == parameter.POSITIONAL_OR_KEYWORD
    ]
    keywords = {parameter.name: 1.0 for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY}
    with pytest.raises(SuiteFault, match="FreeBSD does not support this request: "):
        method(*positional, **keywords)


def test_the_message_has_the_system_the_request_and_the_remedy() -> None:
    with pytest.raises(SuiteFault) as caught:
        FreeBsdDevices(NoCommands()).interrupts("0000:00:03.0")
    assert str(caught.value) == (
        "FreeBSD does not support this request: list the interrupts of 0000:00:03.0; the check must declare the"
        " capability with the marker needs, so that it is skipped on this system"
    )
    with pytest.raises(SuiteFault, match="FreeBSD does not support .* compare the system's files"):
        FreeBsd(NoCommands()).changed_files()


def test_linux_overrides_every_device_verb() -> None:
    inherited = [
        name for name in verbs(SystemDevices) if getattr(LinuxDevices, name) is getattr(SystemDevices, name)
    ]
    assert inherited == []
