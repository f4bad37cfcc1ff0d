"""Backends of devices on the host, and the messages if they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.core.errors import HostFault, MissingTool
from fixtures.host import host_features


def test_most_roles_need_no_backend() -> None:
    host_features.require_backend("disk")
    host_features.require_backend("iommu")


def test_a_tpm_needs_swtpm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host_features.require_backend("tpm")
    monkeypatch.setattr("fixtures.host.tools._SYSTEM_DIRECTORIES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match=r"swtpm is not installed .*apt-get install swtpm"):
        host_features.require_backend("tpm")


def test_a_vsock_needs_its_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "vhost-vsock"
    monkeypatch.setattr(host_features, "VSOCK_DEVICE", device)
    with pytest.raises(HostFault, match="does not exist; load its module: modprobe vhost_vsock"):
        host_features.require_backend("vsock")
    device.touch()
    host_features.require_backend("vsock")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(HostFault, match="this user may not open"):
        host_features.require_backend("vsock")
