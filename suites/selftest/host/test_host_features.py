"""Backends of devices on the host, and the messages if they are absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import HostFault, MissingTool, NestedVirtualizationAbsent
from fixtures.host import host_features
from suites.selftest.support import machine_sample

if TYPE_CHECKING:
    from fixtures.host.acceleration import Accelerator


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


@pytest.mark.parametrize(("module", "value"), [("kvm_intel", "Y"), ("kvm_amd", "1")])
def test_a_host_whose_kvm_passes_virtualization_on(tmp_path: Path, module: str, value: str) -> None:
    parameter = tmp_path / module / "parameters" / "nested"
    parameter.parent.mkdir(parents=True)
    parameter.write_text(f"{value}\n", encoding="ascii")
    require_nested(machine_sample.KVM, tmp_path)


def test_a_host_whose_kvm_keeps_virtualization_to_itself(tmp_path: Path) -> None:
    message = "platform bare offers VT-x or AMD-V to its guest, and "
    with pytest.raises(NestedVirtualizationAbsent, match=f"{message}neither kvm_intel nor kvm_amd is loaded"):
        require_nested(machine_sample.KVM, tmp_path)
    parameter = tmp_path / "kvm_intel" / "parameters" / "nested"
    parameter.parent.mkdir(parents=True)
    parameter.write_text("N\n", encoding="ascii")
    with pytest.raises(
        NestedVirtualizationAbsent, match=f"{message}this host's kvm_intel does not"
    ) as caught:
        require_nested(machine_sample.KVM, tmp_path)
    assert caught.value.reason == "host_lacks_nested_virtualization"
    require_nested(machine_sample.TCG, tmp_path)


def require_nested(accelerator: Accelerator, modules: Path) -> None:
    """Require nested virtualization for a platform that offers it."""
    platform = machine_sample.cell(nested=True).platform
    host_features.require_nested_virtualization(platform, accelerator, modules)
