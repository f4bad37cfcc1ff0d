"""Answers of Windows guests, written after its documentation: none of them was recorded on a live Windows.

One guest each in English, German, French and Japanese; numbers and class names are the same in all of them, and
only what Windows shows to people differs.
"""

from __future__ import annotations

import json
from typing import Any

from fixtures.systems.windows import commands, disks, kernel, network, services, system_files
from fixtures.systems.windows import pci as windows_pci

SHA = "5F" * 32
SIGNER = "Microsoft Windows Hardware Compatibility Publisher"
MICROSOFT = "CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"


def pci(vendor: str, device: str, place: str, code: str, service: str | None, **more: Any) -> dict[str, Any]:
    """A row of the answer about PCI devices."""
    identity = f"PCI\\VEN_{vendor}&DEV_{device}&SUBSYS_11001AF4&REV_01"
    row = {
        "id": rf"{identity}\3&11583659&0&{place}",
        "at": place,
        "compatible": [
            f"PCI\\VEN_{vendor}&DEV_{device}&REV_01",
            f"PCI\\VEN_{vendor}&CC_{code}",
            f"PCI\\CC_{code}",
        ],
        "service": service,
        "state": "Running" if service else None,
        "problem": 0,
        "signed": True,
        "signer": SIGNER,
        "version": "100.95.104.26200",
        "provider": "Red Hat, Inc.",
        "inf": "oem9.inf",
    }
    return row | more


PCI = [
    pci("1AF4", "1042", "(0,2,0)", "010000", "viostor"),
    pci("8086", "29C0", "(0,0,0)", "060000", None, signer="Microsoft Windows", inf="machine.inf"),
    # The service as the registry may have it: in any case.
    pci("1AF4", "1041", "(0,3,0)", "020000", "NETKVM"),
    pci("8086", "2922", "(0,31,2)", "010601", "storahci", provider="Microsoft", inf="mshdc.inf"),
    pci("1AF4", "1044", "(2,0,0)", "00FF00", "VirtRng"),
]
DISKS = [
    {
        "number": 1,
        "size": 33554432,
        "logical": 512,
        "physical": 512,
        "bus": 1,
        "readonly": True,
        "removable": False,
        "serials": [None, "IGSOURCE", "IGSOURCE", "IGSOURCE            "],
        "at": "(0,2,0)",
    },
    {
        "number": 0,
        "size": 42949672960,
        "logical": 512,
        "physical": 4096,
        "bus": 17,
        "readonly": False,
        "removable": False,
        "serials": ["IGROOT", "0000_0000_0000_0000.", "0000_0000_0000_0000.", "0000_0000_0000_0000."],
        "at": "(0,4,0)",
    },
    {
        "number": 2,
        "size": 33554432,
        "logical": 512,
        "physical": 512,
        "bus": 7,
        "readonly": False,
        "removable": True,
        "serials": [None, " IGTARGET\u0000", None, None],
        "at": "",
    },
]
KERNEL: dict[str, Any] = {
    "major": "10",
    "minor": "0",
    "build": "20348",
    "revision": "2849",
    "product": "Windows Server 2022 Standard",
    "lab": "20348.1.amd64fre.fe_release.210507-1500",
    "options": " NOEXECUTE=OPTOUT  REDIRECT",
    "verified": None,
    "path": r"C:\Windows\System32\ntoskrnl.exe",
    "sha256": SHA,
    "file": "10.0.20348.2849",
    "status": "Valid",
    "kind": "Catalog",
    "vendor": True,
    "signer": MICROSOFT,
    "integrity": 5,
}


def card(name: str, **more: Any) -> dict[str, Any]:
    """A row of the answer about network interfaces."""
    row = {
        "name": name,
        "mac": "52-54-00-12-34-56",
        "mtu": 1500,
        "service": "netkvm",
        "state": 1,
        "addresses": [{"index": 4, "address": "10.0.2.15", "state": 4}],
        "at": "(0,3,0)",
    }
    return row | more


# What the disk driver says of a request that it repeated, in four languages.
REPEATED = {
    "en": "The IO operation at logical block address 0x800 for Disk 1 (PDO name: \\Device\\00000031) was retried.",
    "de": 'Der E/A-Vorgang an der logischen Blockadresse "0x800" für den Datenträger "1" wurde wiederholt.',
    "fr": "Échec de l'opération E/S à l'adresse de bloc logique 0x800 du disque 1 : nouvelle tentative.",
    "ja": "ディスク 1 の論理ブロック アドレス 0x800 で IO 操作が再試行されました。",
}
CARDS = {"en": "Ethernet", "de": "Ethernet", "fr": "Connexion réseau Ethernet", "ja": "イーサネット"}


def answers(language: str = "en") -> dict[str, str]:
    """The answer to every question, of an intact guest in ``language``."""
    complaint = {"provider": "disk", "id": 153, "level": 3, "message": f"{REPEATED[language]}\r\n"}
    verified = "2024-05-13 10:20:00, Info                  CSI    0000000a [SR] Verify complete"
    given: dict[str, Any] = {
        windows_pci.QUERY: PCI,
        disks.QUERY: DISKS,
        network.QUERY: [card(CARDS[language])],
        kernel.QUERY: [KERNEL],
        kernel.FIRMWARE: [{"kind": 2, "secure": 1}],
        services.STATE: [{"setup": 0, "started": True, "failed": 0}],
        services.FAILED_UNITS: [],
        services.LOG_ERRORS: [complaint],
        services.BOOT_ID: [{"record": 1423, "time": "2024-05-13T08:19:57.500000000Z"}],
        system_files.QUERY: [{"lines": [verified]}],
    }
    found = {question: json.dumps(answer, ensure_ascii=False) + "\n" for question, answer in given.items()}
    found[commands.CLOCK] = "1715588400.123\n"
    return found
