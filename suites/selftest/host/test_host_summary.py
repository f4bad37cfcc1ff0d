"""Facts about a host, read from files of the test, and free disk space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.core.errors import NoSpace
from fixtures.host.host_summary import CpuInfo, parse_cpuinfo, read_cpuinfo, require_space, summarize

Write = Callable[..., Path]

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 7763 64-Core Processor
flags\t\t: fpu vme svm hypervisor
power management:

processor\t: 1
model name\t: another
flags\t\t: fpu
"""


@pytest.fixture
def machine(tmp_path: Path) -> Write:
    def write(**files: str) -> Path:
        for name, text in {"proc/cpuinfo": CPUINFO, "proc/meminfo": "MemTotal:  2048 kB\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_the_first_cpu_counts() -> None:
    model = "AMD EPYC 7763 64-Core Processor"
    assert parse_cpuinfo(CPUINFO) == CpuInfo(model, frozenset({"fpu", "vme", "svm", "hypervisor"}))


def test_a_cpu_that_says_little() -> None:
    assert parse_cpuinfo("processor : 0\nFeatures : fp asimd\n") == CpuInfo("", frozenset())


def test_a_machine_is_summarized(machine: Write) -> None:
    root = machine(**{"etc/os-release": 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'})
    summary = summarize(root)
    assert summary.cpu_model == "AMD EPYC 7763 64-Core Processor"
    assert summary.memory == 2 << 20
    assert summary.system == "Debian GNU/Linux 12 (bookworm)"
    assert summary.cpus >= 1
    assert summary.kernel


def test_a_container_has_what_its_control_group_allows(machine: Write) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "1048576\n",
        "sys/fs/cgroup/cpu.max": "100000 100000\n",
    }
    summary = summarize(machine(**files))
    assert (summary.memory, summary.cpus) == (1 << 20, 1)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, "unnamed"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU\n"}, "QEMU"),
        ({"sys/class/dmi/id/product_name": "Virtual Machine\n"}, "Hyper-V"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"proc/cpuinfo": CPUINFO.replace(" hypervisor", "")}, None),
    ],
)
def test_the_name_of_the_hypervisor_below_the_host(
    machine: Write, files: dict[str, str], name: str | None
) -> None:
    assert summarize(machine(**files)).hypervisor == name


def test_the_summary_of_this_host() -> None:
    summary = summarize()
    assert summary.memory > 0
    assert "hypervisor" not in read_cpuinfo().flags or summary.hypervisor is not None


def test_enough_space(tmp_path: Path) -> None:
    require_space(tmp_path / "to/be/made", 1, "nothing much")


def test_too_little_space_is_an_error_with_the_sizes(tmp_path: Path) -> None:
    directory = tmp_path / "to/be/made"
    with pytest.raises(NoSpace) as full:
        require_space(directory, 1 << 60, "the base image of debian-12")
    assert str(full.value).startswith(
        f"the base image of debian-12 needs 1073741824.0 GiB in {directory}; free there: "
    )
    assert str(full.value).endswith((" GiB", " MiB"))
