"""Limits of control groups, read from files as kernels show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.host.cgroup import CgroupLimits, read_limits

if TYPE_CHECKING:
    from pathlib import Path


def write_files(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


V2 = "0::/system.slice/ci.service\n"
V1 = "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/system.slice/containerd.service\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, CgroupLimits()),
        ({"proc/self/cgroup": V2}, CgroupLimits()),
        (
            {
                "proc/self/cgroup": V2,
                "sys/fs/cgroup/system.slice/ci.service/memory.max": "max\n",
                "sys/fs/cgroup/system.slice/ci.service/cpu.max": "max 100000\n",
            },
            CgroupLimits(),
        ),
        (
            {
                "proc/self/cgroup": V2,
                "sys/fs/cgroup/system.slice/ci.service/memory.max": "4294967296\n",
                "sys/fs/cgroup/system.slice/memory.max": "2147483648\n",
                "sys/fs/cgroup/system.slice/ci.service/cpu.max": "150000 100000\n",
            },
            CgroupLimits(2 << 30, 1.5),
        ),
        # A container with a namespace of its own sees itself as the root.
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "1073741824\n",
                "sys/fs/cgroup/cpu.max": "50000 100000\n",
            },
            CgroupLimits(1 << 30, 0.5),
        ),
        # A container without one sees the path of the host, which its mount does not have.
        (
            {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "1073741824\n"},
            CgroupLimits(1 << 30),
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "3221225472\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            CgroupLimits(3 << 30, 2.0),
        ),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            CgroupLimits(),
        ),
        # The kernel throttles above memory.high, before it kills above memory.max.
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "2147483648\n",
                "sys/fs/cgroup/memory.high": "1073741824\n",
            },
            CgroupLimits(1 << 30),
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "soon\n"}, CgroupLimits()),
    ],
)
def test_the_strictest_limit_counts(files: dict[str, str], expected: CgroupLimits, tmp_path: Path) -> None:
    assert read_limits(write_files(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("cpus", "limit", "expected"), [(8, None, 8), (8, 2.0, 2), (8, 1.9, 1), (8, 0.5, 1), (2, 4.0, 2)]
)
def test_cpus_within_a_limit(cpus: int, limit: float | None, expected: int) -> None:
    assert CgroupLimits(cpus=limit).limit_cpus(cpus) == expected


@pytest.mark.parametrize(("limit", "expected"), [(None, 4 << 30), (1 << 30, 1 << 30), (8 << 30, 4 << 30)])
def test_memory_within_a_limit(limit: int | None, expected: int) -> None:
    assert CgroupLimits(memory=limit).limit_memory(4 << 30) == expected


def test_the_limits_of_this_host_can_be_read() -> None:
    limits = read_limits()
    assert limits.memory is None or limits.memory > 0
    assert limits.cpus is None or limits.cpus > 0
