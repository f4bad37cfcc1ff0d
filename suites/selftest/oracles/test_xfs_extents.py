"""The extents of a file on XFS from xfs_db's output, and the file's content."""

from __future__ import annotations

import io

import pytest

from fixtures.core.errors import HostFault
from fixtures.oracles import xfs_extents
from fixtures.oracles.xfs_extents import FileExtent, FileMap

# A file in the second allocation group: two blocks, a hole, and an allocated block that is not written.
SAID = """\
agblocks = 16
blocksize = 512
core.size = 2300
data offset 0 startblock 19 (1/3) count 2 flag 0
data offset 3 startblock 21 (1/5) count 2 flag 1
"""


def test_extents_have_disk_offsets() -> None:
    pieces = (FileExtent(0, 19 * 512, 1024), FileExtent(1536, None, 1024))
    assert xfs_extents.parse(SAID) == FileMap(2300, pieces)


def test_holes_and_unwritten_extents_are_zeros() -> None:
    disk = io.BytesIO(b"\xff" * 19 * 512 + b"a" * 512 + b"b" * 512 + b"\xff" * 2048)
    assert xfs_extents.read_file(xfs_extents.parse(SAID), disk) == b"a" * 512 + b"b" * 512 + bytes(
        2300 - 1024
    )


def test_a_file_ends_at_its_size() -> None:
    disk = io.BytesIO(b"x" * 8192)
    assert xfs_extents.read_file(FileMap(700, (FileExtent(0, 0, 1024),)), disk) == b"x" * 700


def test_other_output_is_refused() -> None:
    with pytest.raises(HostFault, match=r"expected agblocks, blocksize and core\.size, found 'agblocks = 4'"):
        xfs_extents.parse("agblocks = 4\n")
