"""What devices need of the host besides QEMU, and how its absence is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.errors import HostFault, MissingTool
from fixtures.host import backends


def test_most_roles_need_nothing() -> None:
    backends.require_backend("disk")
    backends.require_backend("iommu")


def test_a_tpm_needs_swtpm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backends.require_backend("tpm")
    monkeypatch.setattr("fixtures.host.tools._ADMINISTRATOR", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match=r"swtpm is not installed .*apt-get install swtpm"):
        backends.require_backend("tpm")


def test_a_vsock_needs_its_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "vhost-vsock"
    monkeypatch.setattr(backends, "VSOCK", device)
    with pytest.raises(HostFault, match="does not exist; load its module: modprobe vhost_vsock"):
        backends.require_backend("vsock")
    device.touch()
    backends.require_backend("vsock")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(HostFault, match="may not be opened by this user"):
        backends.require_backend("vsock")
