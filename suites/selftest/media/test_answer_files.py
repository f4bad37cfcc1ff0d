"""The answers for Windows' Setup: the right passes, components and settings for each edition, and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import InstalledImage
from fixtures.catalog.specs import Cell, Login
from fixtures.media.answer_files import SETUP_MARKER, AnswerFiles, render
from suites.selftest.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG = Catalog.load([ROOT / "guests"])
CELLS = [cell for cell in CATALOG.cells() if isinstance(cell.guest.image, InstalledImage)]
UNATTEND = "{urn:schemas-microsoft-com:unattend}"
WCM = "{http://schemas.microsoft.com/WMIConfig/2002/State}"
SCRIPT, HANDLER = "ironguest-scripts/SetupComplete.cmd", "ironguest-scripts/ErrorHandler.cmd"

# All that may be in an answer file, by pass and component: what is not listed here, Setup does as its vendor meant it.
LANGUAGES = "InputLocale SystemLocale UILanguage UserLocale"
DISK = "DiskConfiguration/Disk"
ALLOWED = {
    ("windowsPE", "Microsoft-Windows-International-Core-WinPE"): f"SetupUILanguage/UILanguage {LANGUAGES}",
    ("windowsPE", "Microsoft-Windows-PnpCustomizationsWinPE"): "DriverPaths/PathAndCredentials/Path",
    ("windowsPE", "Microsoft-Windows-Setup"): " ".join(
        [
            *(f"{DISK}/{name}" for name in ("DiskID", "WillWipeDisk")),
            *(
                f"{DISK}/CreatePartitions/CreatePartition/{name}"
                for name in ("Order", "Type", "Size", "Extend")
            ),
            *(
                f"{DISK}/ModifyPartitions/ModifyPartition/{name}"
                for name in ("Order", "PartitionID", "Format", "Label", "Letter", "Active")
            ),
            *("DiskConfiguration/WillShowUI", "DynamicUpdate/Enable"),
            *(f"ImageInstall/OSImage/InstallFrom/MetaData/{name}" for name in ("Key", "Value")),
            *(f"ImageInstall/OSImage/InstallTo/{name}" for name in ("DiskID", "PartitionID")),
            *("ImageInstall/OSImage/WillShowUI", "UserData/AcceptEula"),
            *("UserData/ProductKey/Key", "UserData/ProductKey/WillShowUI"),
        ]
    ),
    ("specialize", "Microsoft-Windows-Deployment"): " ".join(
        f"RunSynchronous/RunSynchronousCommand/{name}" for name in ("Order", "Path", "Description")
    ),
    ("specialize", "Microsoft-Windows-Shell-Setup"): "ComputerName TimeZone",
    ("oobeSystem", "Microsoft-Windows-International-Core"): LANGUAGES,
    ("oobeSystem", "Microsoft-Windows-Shell-Setup"): " ".join(
        [
            *("OOBE/HideEULAPage", "OOBE/HideLocalAccountScreen", "OOBE/HideOEMRegistrationScreen"),
            *("OOBE/HideOnlineAccountScreens", "OOBE/HideWirelessSetupInOOBE", "OOBE/ProtectYourPC"),
            *(f"UserAccounts/AdministratorPassword/{name}" for name in ("Value", "PlainText")),
            *(f"UserAccounts/LocalAccounts/LocalAccount/{name}" for name in ("Name", "Group")),
            *(f"UserAccounts/LocalAccounts/LocalAccount/Password/{name}" for name in ("Value", "PlainText")),
        ]
    ),
}
OPTIONAL = {("windowsPE", "Microsoft-Windows-PnpCustomizationsWinPE")}
ATTRIBUTES = {
    "processorArchitecture": "amd64",
    "publicKeyToken": "31bf3856ad364e35",
    "language": "neutral",
    "versionScope": "nonSxS",
}
# What would make another system of it than the one that its vendor ships.
FORBIDDEN = re.compile(
    r"autologon|enablelua|firewall|netsh|testsigning|nointegritychecks|certutil|certificate|labconfig|bypass|"
    r"windowsupdate|defender|winrm|executionpolicy|rdp|terminalservices|powercfg|reg(?:\.exe)? add|verifier|debug",
    re.IGNORECASE,
)


def answers(cell: Cell, login: Login | None = None, drivers: bool = False, **image: object) -> AnswerFiles:
    assert isinstance(cell.guest.image, InstalledImage)
    files = {"viostor/viostor.inf": b"[Version]", "NetKVM/netkvm.inf": b"[Version]"} if drivers else {}
    spec = cell.guest.image.model_copy(update=image)
    return render(spec, login or cell.guest.login, cell.platform, files)


def unattended(made: AnswerFiles) -> ElementTree.Element:
    return ElementTree.fromstring(made.files["autounattend.xml"])


def leaves(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Every path that ends in text, and the text."""
    for child in element:
        assert child.tag.startswith(UNATTEND), child.tag
        here = f"{path}/{child.tag.removeprefix(UNATTEND)}".lstrip("/")
        if len(child):
            assert not (child.text or "").strip()
            yield from leaves(child, here)
        else:
            yield here, child.text or ""


def components(made: AnswerFiles) -> dict[tuple[str, str], ElementTree.Element]:
    found = {}
    for part in unattended(made):
        assert (part.tag, list(part.attrib)) == (f"{UNATTEND}settings", ["pass"])
        for component in part:
            assert component.tag == f"{UNATTEND}component"
            name = component.attrib.pop("name")
            assert component.attrib == ATTRIBUTES
            assert (part.attrib["pass"], name) not in found
            found[part.attrib["pass"], name] = component
    return found


def text_of(made: AnswerFiles, path: str, name: str = "") -> list[str]:
    """The texts at ``path`` in all components, or in that of this name."""
    return [
        text
        for (_, component), element in components(made).items()
        if not name or component == name
        for here, text in leaves(element)
        if here == path
    ]


@pytest.mark.parametrize("drivers", [False, True])
@pytest.mark.parametrize("each", CELLS, ids=lambda each: each.id)
def test_only_what_is_listed_is_answered_and_all_that_must_be(each: Cell, drivers: bool) -> None:
    made = answers(each, drivers=drivers)
    found = components(made)
    assert found.keys() == ALLOWED.keys() - (set() if drivers else OPTIONAL)
    for key, component in found.items():
        assert {path for path, _ in leaves(component)} <= set(ALLOWED[key].split())
    for content in made.files.values():
        assert FORBIDDEN.findall(content.decode()) == []
    assert text_of(made, "UserData/AcceptEula") == ["true"]
    assert text_of(made, "UserData/ProductKey/Key") == []


@pytest.mark.parametrize("each", CELLS, ids=lambda each: each.id)
def test_the_disk_is_for_the_firmware(each: Cell) -> None:
    made = answers(each)
    parts = text_of(made, f"{DISK}/CreatePartitions/CreatePartition/Type")
    formats = text_of(made, f"{DISK}/ModifyPartitions/ModifyPartition/Format")
    orders = text_of(made, f"{DISK}/CreatePartitions/CreatePartition/Order")
    if each.platform.firmware == "bios":
        assert (parts, formats) == (["Primary", "Primary"], ["NTFS", "NTFS"])
        assert text_of(made, f"{DISK}/ModifyPartitions/ModifyPartition/Active") == ["true"]
    else:
        assert (parts, formats) == (["EFI", "MSR", "Primary"], ["FAT32", "NTFS"])
    assert orders == [str(number) for number in range(1, len(parts) + 1)]
    assert text_of(made, f"{DISK}/ModifyPartitions/ModifyPartition/PartitionID") == orders
    assert text_of(made, "ImageInstall/OSImage/InstallTo/PartitionID") == [orders[-1]]
    # The last takes all that is left, and no other does.
    assert text_of(made, f"{DISK}/CreatePartitions/CreatePartition/Extend") == ["true"]


@pytest.mark.parametrize("each", CELLS, ids=lambda each: each.id)
def test_who_logs_in_has_an_account(each: Cell) -> None:
    made, login = answers(each), each.guest.login
    assert text_of(made, "UserAccounts/AdministratorPassword/Value") == [login.password]
    local = [] if login.user == "Administrator" else [login.user]
    assert text_of(made, "UserAccounts/LocalAccounts/LocalAccount/Name") == local
    assert text_of(made, "UserAccounts/LocalAccounts/LocalAccount/Password/Value") == [login.password] * len(
        local
    )
    assert any("administrator" in what for what, _ in made.customisations)
    # No customisation tells the password.
    assert login.password not in str(made.customisations)


def test_lists_are_numbered_for_the_parser() -> None:
    """Windows' parser takes an element of a list for one only with wcm:action, and by a key of its own."""
    made = answers(CATALOG.cell("windows-11@q35-uefi-secure-enlightened"), drivers=True)
    lists = {
        "Disk",
        "CreatePartition",
        "ModifyPartition",
        "MetaData",
        "RunSynchronousCommand",
        "LocalAccount",
    }
    for element in unattended(made).iter():
        name = element.tag.removeprefix(UNATTEND)
        if name == "PathAndCredentials":
            assert set(element.attrib) == {f"{WCM}action", f"{WCM}keyValue"}
        elif name in lists:
            assert element.attrib == {f"{WCM}action": "add"}
        elif name not in {"settings", "component"}:
            assert element.attrib == {}
    paths = text_of(made, "DriverPaths/PathAndCredentials/Path")
    assert len(set(paths)) == len(paths)
    assert {path[1:] for path in paths} == {r":\ironguest-drivers"}
    assert made.files["ironguest-drivers/viostor/viostor.inf"] == b"[Version]"


def test_an_edition_is_named_or_numbered() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    key, value = ("ImageInstall/OSImage/InstallFrom/MetaData/" + name for name in ("Key", "Value"))
    named = answers(cell, edition="A & B <C>")
    assert (text_of(named, key), text_of(named, value)) == (["/IMAGE/NAME"], ["A & B <C>"])
    numbered = answers(cell, edition=None, index=4)
    assert (text_of(numbered, key), text_of(numbered, value)) == (["/IMAGE/INDEX"], ["4"])


def test_a_product_key_is_there_only_if_one_is_given() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    made = answers(cell, product_key="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE")
    assert text_of(made, "UserData/ProductKey/Key") == ["AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"]
    assert ("a product key is set", "autounattend.xml") in made.customisations
    assert "AAAAA" not in str(made.customisations)


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=127)
HOSTILE = [
    "</Value><PlainText>",
    "]]>",
    "<!--",
    "&amp;",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "%PATH%",
    "'\"",
    "ü€𝄞",
    " a ",
]


@settings(max_examples=60)
@given(password=PRINTABLE | st.sampled_from(HOSTILE))
def test_any_password_comes_through_as_it_is(password: str) -> None:
    cell = CATALOG.cell("windows-11@q35-uefi-secure-inbox")
    made = answers(cell, login=Login(user="a'b&c", password=password))
    assert text_of(made, "UserAccounts/LocalAccounts/LocalAccount/Password/Value") == [password]
    assert text_of(made, "UserAccounts/AdministratorPassword/Value") == [password]
    assert text_of(made, "UserAccounts/LocalAccounts/LocalAccount/Name") == ["a'b&c"]
    assert components(made).keys() == ALLOWED.keys() - OPTIONAL


def test_the_script_switches_emergency_management_on_and_says_how_it_ended() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    made = answers(cell)
    script = made.files[SCRIPT].decode("ascii")
    assert script.count("\n") == script.count("\r\n")
    lines = script.split("\r\n")
    calls = [line.removeprefix("call :do ") for line in lines if line.startswith("call :do ")]
    assert calls[:3] == [
        "bcdedit.exe /emssettings EMSPORT:1 EMSBAUDRATE:115200",
        "bcdedit.exe /ems {current} on",
        "bcdedit.exe /bootems {bootmgr} on",
    ]
    # Whatever fails ends it before it could say that it is done; each change is in the report.
    for number, line in enumerate(lines):
        assert not line.startswith("call :do ") or lines[number + 1] == "if errorlevel 1 exit /b 1"
    told = [how.removeprefix("SetupComplete.cmd: ") for _, how in made.customisations]
    assert [call for call in calls if call not in told] == []
    assert lines.index(f">COM1 echo {SETUP_MARKER} done") < lines.index("shutdown.exe /s /t 180")
    assert (
        f">COM1 echo {SETUP_MARKER} failed: Windows Setup met a fatal error" in made.files[HANDLER].decode()
    )


def test_a_client_takes_its_console_from_the_features_on_demand() -> None:
    made = answers(CATALOG.cell("windows-10@q35-uefi-inbox"))
    script = made.files[SCRIPT].decode()
    assert "/CapabilityName:Windows.Desktop.EMS-SAC.Tools~~~~0.0.1.0" in script
    assert script.index("dism.exe") < script.index("bcdedit.exe")
    assert (
        "dism.exe" not in answers(CATALOG.cell("windows-server-2022@q35-uefi-inbox")).files[SCRIPT].decode()
    )


@pytest.mark.parametrize("each", CELLS, ids=lambda each: each.id)
def test_commands_are_no_longer_than_setup_takes_them(each: Cell) -> None:
    commands = text_of(answers(each), "RunSynchronous/RunSynchronousCommand/Path")
    assert [command for command in commands if len(command) > 259] == []
    assert [command for command in commands if not command.endswith(" & exit 0")] == []
