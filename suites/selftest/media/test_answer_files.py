"""Answer files for Windows Setup: each edition gets the right passes, components and settings, and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.catalog.catalog import Catalog
from fixtures.catalog.image_sources import InstalledImage
from fixtures.catalog.login_specs import Login
from fixtures.catalog.specs import Cell
from fixtures.media.answer_files import SETUP_MARKER, AnswerFiles, render
from suites.selftest.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG = Catalog.load([ROOT / "guests"])
CELLS = [cell for cell in CATALOG.cells() if isinstance(cell.guest.image, InstalledImage)]
UNATTEND = "{urn:schemas-microsoft-com:unattend}"
WCM = "{http://schemas.microsoft.com/WMIConfig/2002/State}"
SCRIPT, HANDLER = "ironguest-scripts/SetupComplete.cmd", "ironguest-scripts/ErrorHandler.cmd"

# The settings that an answer file may contain, by pass and component. For all others Setup uses its defaults.
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
# Changes after which the system would differ from what its vendor ships.
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


def unattend_tree(answer_files: AnswerFiles) -> ElementTree.Element:
    return ElementTree.fromstring(answer_files.files["autounattend.xml"])


def leaves(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """The path and text of every element without children."""
    for child in element:
        assert child.tag.startswith(UNATTEND), child.tag
        here = f"{path}/{child.tag.removeprefix(UNATTEND)}".lstrip("/")
        if len(child):
            assert not (child.text or "").strip()
            yield from leaves(child, here)
        else:
            yield here, child.text or ""


def components(answer_files: AnswerFiles) -> dict[tuple[str, str], ElementTree.Element]:
    found = {}
    for part in unattend_tree(answer_files):
        assert (part.tag, list(part.attrib)) == (f"{UNATTEND}settings", ["pass"])
        for component in part:
            assert component.tag == f"{UNATTEND}component"
            name = component.attrib.pop("name")
            assert component.attrib == ATTRIBUTES
            assert (part.attrib["pass"], name) not in found
            found[part.attrib["pass"], name] = component
    return found


def text_of(answer_files: AnswerFiles, path: str, name: str = "") -> list[str]:
    """The texts at ``path``, in all components or in the component ``name``."""
    return [
        text
        for (_, component), element in components(answer_files).items()
        if not name or component == name
        for here, text in leaves(element)
        if here == path
    ]


@pytest.mark.parametrize("drivers", [False, True])
@pytest.mark.parametrize("windows_cell", CELLS, ids=lambda cell: cell.id)
def test_only_allowed_settings_are_answered(windows_cell: Cell, drivers: bool) -> None:
    answer_files = answers(windows_cell, drivers=drivers)
    found = components(answer_files)
    assert found.keys() == ALLOWED.keys() - (set() if drivers else OPTIONAL)
    for key, component in found.items():
        assert {path for path, _ in leaves(component)} <= set(ALLOWED[key].split())
    for content in answer_files.files.values():
        assert FORBIDDEN.findall(content.decode()) == []
    assert text_of(answer_files, "UserData/AcceptEula") == ["true"]
    assert text_of(answer_files, "UserData/ProductKey/Key") == []


@pytest.mark.parametrize("windows_cell", CELLS, ids=lambda cell: cell.id)
def test_partitions_match_the_firmware(windows_cell: Cell) -> None:
    answer_files = answers(windows_cell)
    parts = text_of(answer_files, f"{DISK}/CreatePartitions/CreatePartition/Type")
    formats = text_of(answer_files, f"{DISK}/ModifyPartitions/ModifyPartition/Format")
    orders = text_of(answer_files, f"{DISK}/CreatePartitions/CreatePartition/Order")
    if windows_cell.platform.firmware == "bios":
        assert (parts, formats) == (["Primary", "Primary"], ["NTFS", "NTFS"])
        assert text_of(answer_files, f"{DISK}/ModifyPartitions/ModifyPartition/Active") == ["true"]
    else:
        assert (parts, formats) == (["EFI", "MSR", "Primary"], ["FAT32", "NTFS"])
    assert orders == [str(number) for number in range(1, len(parts) + 1)]
    assert text_of(answer_files, f"{DISK}/ModifyPartitions/ModifyPartition/PartitionID") == orders
    assert text_of(answer_files, "ImageInstall/OSImage/InstallTo/PartitionID") == [orders[-1]]
    # Only the last partition takes the remaining space.
    assert text_of(answer_files, f"{DISK}/CreatePartitions/CreatePartition/Extend") == ["true"]


@pytest.mark.parametrize("windows_cell", CELLS, ids=lambda cell: cell.id)
def test_the_login_has_an_account(windows_cell: Cell) -> None:
    answer_files, login = answers(windows_cell), windows_cell.guest.login
    assert text_of(answer_files, "UserAccounts/AdministratorPassword/Value") == [login.password]
    local = [] if login.user == "Administrator" else [login.user]
    assert text_of(answer_files, "UserAccounts/LocalAccounts/LocalAccount/Name") == local
    assert text_of(answer_files, "UserAccounts/LocalAccounts/LocalAccount/Password/Value") == [
        login.password
    ] * len(local)
    assert any("administrator" in change for change, _ in answer_files.customisations)
    # No customisation contains the password.
    assert login.password not in str(answer_files.customisations)


def test_list_elements_have_the_attributes_that_the_parser_needs() -> None:
    """Windows' parser recognises a list element only by wcm:action, and some by a unique wcm:keyValue."""
    answer_files = answers(CATALOG.cell("windows-11@q35-uefi-secure-enlightened"), drivers=True)
    lists = {
        "Disk",
        "CreatePartition",
        "ModifyPartition",
        "MetaData",
        "RunSynchronousCommand",
        "LocalAccount",
    }
    for element in unattend_tree(answer_files).iter():
        name = element.tag.removeprefix(UNATTEND)
        if name == "PathAndCredentials":
            assert set(element.attrib) == {f"{WCM}action", f"{WCM}keyValue"}
        elif name in lists:
            assert element.attrib == {f"{WCM}action": "add"}
        elif name not in {"settings", "component"}:
            assert element.attrib == {}
    paths = text_of(answer_files, "DriverPaths/PathAndCredentials/Path")
    assert len(set(paths)) == len(paths)
    assert {path[1:] for path in paths} == {r":\ironguest-drivers"}
    assert answer_files.files["ironguest-drivers/viostor/viostor.inf"] == b"[Version]"


def test_an_edition_is_selected_by_name_or_by_index() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    key, value = ("ImageInstall/OSImage/InstallFrom/MetaData/" + name for name in ("Key", "Value"))
    by_name = answers(cell, edition="A & B <C>")
    assert (text_of(by_name, key), text_of(by_name, value)) == (["/IMAGE/NAME"], ["A & B <C>"])
    by_index = answers(cell, edition=None, index=4)
    assert (text_of(by_index, key), text_of(by_index, value)) == (["/IMAGE/INDEX"], ["4"])


def test_a_product_key_is_optional() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    answer_files = answers(cell, product_key="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE")
    assert text_of(answer_files, "UserData/ProductKey/Key") == ["AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"]
    assert ("a product key is set", "autounattend.xml") in answer_files.customisations
    assert "AAAAA" not in str(answer_files.customisations)


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
def test_any_password_is_passed_unchanged(password: str) -> None:
    cell = CATALOG.cell("windows-11@q35-uefi-secure-inbox")
    answer_files = answers(cell, login=Login(user="a'b&c", password=password))
    assert text_of(answer_files, "UserAccounts/LocalAccounts/LocalAccount/Password/Value") == [password]
    assert text_of(answer_files, "UserAccounts/AdministratorPassword/Value") == [password]
    assert text_of(answer_files, "UserAccounts/LocalAccounts/LocalAccount/Name") == ["a'b&c"]
    assert components(answer_files).keys() == ALLOWED.keys() - OPTIONAL


def test_the_script_enables_emergency_management_and_reports_its_result() -> None:
    cell = CATALOG.cell("windows-server-2022@q35-uefi-inbox")
    answer_files = answers(cell)
    script = answer_files.files[SCRIPT].decode("ascii")
    assert script.count("\n") == script.count("\r\n")
    lines = script.split("\r\n")
    calls = [line.removeprefix("call :do ") for line in lines if line.startswith("call :do ")]
    assert calls[:3] == [
        "bcdedit.exe /emssettings EMSPORT:1 EMSBAUDRATE:115200",
        "bcdedit.exe /ems {current} on",
        "bcdedit.exe /bootems {bootmgr} on",
    ]
    # A failed command ends the script before it reports success. Each command is in the report.
    for number, line in enumerate(lines):
        assert not line.startswith("call :do ") or lines[number + 1] == "if errorlevel 1 exit /b 1"
    reported = [how.removeprefix("SetupComplete.cmd: ") for _, how in answer_files.customisations]
    assert [call for call in calls if call not in reported] == []
    assert lines.index(f">COM1 echo {SETUP_MARKER} done") < lines.index("shutdown.exe /s /t 180")
    assert (
        f">COM1 echo {SETUP_MARKER} failed: Windows Setup met a fatal error"
        in answer_files.files[HANDLER].decode()
    )


def test_a_windows_client_gets_its_console_from_the_features_on_demand() -> None:
    answer_files = answers(CATALOG.cell("windows-10@q35-uefi-inbox"))
    script = answer_files.files[SCRIPT].decode()
    assert "/CapabilityName:Windows.Desktop.EMS-SAC.Tools~~~~0.0.1.0" in script
    assert script.index("dism.exe") < script.index("bcdedit.exe")
    assert (
        "dism.exe" not in answers(CATALOG.cell("windows-server-2022@q35-uefi-inbox")).files[SCRIPT].decode()
    )


@pytest.mark.parametrize("windows_cell", CELLS, ids=lambda cell: cell.id)
def test_commands_are_short_enough_for_setup_and_never_fail(windows_cell: Cell) -> None:
    commands = text_of(answers(windows_cell), "RunSynchronous/RunSynchronousCommand/Path")
    assert [command for command in commands if len(command) > 259] == []
    assert [command for command in commands if not command.endswith(" & exit 0")] == []
