"""A vendor's OpenPGP key for tests, made by gpg; it signs files as vendors do."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class VendorKey:
    """The key in ``home``, which is short: gpg's agent has its socket there. ``public`` is its public part."""

    home: Path
    public: Path
    fingerprint: str

    @classmethod
    def make(cls, home: Path, name: str, expires: str = "never", *options: str) -> VendorKey:
        home.mkdir(mode=0o700)
        identity = f"{name} <{name}@example>"
        gpg(home, *options, "--passphrase", "", "--quick-gen-key", identity, "ed25519", "sign", expires)
        listed = gpg(home, "--with-colons", "--list-keys").decode()
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        public = home / "vendor.asc"
        public.write_bytes(gpg(home, "--armor", "--export"))
        return cls(home, public, fingerprint)

    def detached(self, content: bytes, *options: str) -> bytes:
        return gpg(self.home, *options, "--detach-sign", content=content)

    def clear_signed(self, content: bytes) -> bytes:
        return gpg(self.home, "--clear-sign", content=content)

    def end(self) -> None:
        """End gpg's agent."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, capture_output=True)


def gpg(home: Path, *arguments: str, content: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--no-options", "--pinentry-mode", "loopback"]
    return subprocess.run([*command, *arguments], input=content, capture_output=True, check=True).stdout
