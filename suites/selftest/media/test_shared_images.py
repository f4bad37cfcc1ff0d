"""Base images in a shared cache: made by one host, used by the next, and the report says where they are from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.commands.images.shared_entries import SharedEntries
from fixtures.core.errors import MediaFault
from fixtures.media.base_images import Image, prepare
from fixtures.media.cache_entries import IMAGES, read_description, write_description
from fixtures.media.fetched_images import Network
from fixtures.media.image_inventory import ImageInventory
from fixtures.media.shared_cache.directory_place import DirectoryPlace
from fixtures.media.shared_cache.shared_cache import SharedCache
from suites.selftest.support.machine_sample import guest

if TYPE_CHECKING:
    from suites.selftest.support.publishing_server import PublishingServer

RAW = bytes(510) + b"\x55\xaa" + b"data" * (1 << 16) + bytes(1 << 20)
DIGEST = hashlib.sha256(RAW).hexdigest()


class Host:
    """A host with its own cache. Only the first one can ask the server of the vendor."""

    def __init__(
        self, name: str, directory: Path, server: PublishingServer, *, offline: bool = False
    ) -> None:
        self.messages: list[str] = []
        self.root = directory / name
        (directory / "shared").mkdir(exist_ok=True)
        self.shared = SharedCache(DirectoryPlace(directory / "shared", "ironguest-1"), self.messages.append)
        self.network = Network(is_offline=offline, shared=self.shared)
        server.files["/disk.img"] = RAW
        self.guest = guest(url=server.url(), checksum=f"sha256:{DIGEST}")

    def prepare(self) -> Image:
        return prepare(self.guest, self.messages.append, self.root, self.network)


@pytest.fixture
def hosts(tmp_path: Path, server: PublishingServer) -> tuple[Host, Host]:
    return Host("a", tmp_path, server), Host("b", tmp_path, server, offline=True)


def test_the_second_host_fetches_nothing(hosts: tuple[Host, Host], server: PublishingServer) -> None:
    first, second = hosts
    made = first.prepare()
    assert "shared cache" not in made.source
    requests = len(server.requests)
    image = second.prepare()
    assert len(server.requests) == requests
    assert image.digest == made.digest
    assert image.source.startswith(f"{made.source}; from a shared cache, where ")
    assert image.path.read_bytes() == RAW
    assert image.path.stat().st_mode & 0o222 == 0
    # Also when it comes from the own cache.
    second.shared.remove(IMAGES, DIGEST)
    assert second.prepare() == image


def test_offline_an_image_of_the_shared_cache_counts_as_there(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    inventory = ImageInventory(second.root)
    with pytest.raises(MediaFault, match="offline nothing is fetched"):
        inventory.require_cached(second.guest, second.shared)
    first.prepare()
    inventory.require_cached(second.guest, second.shared)


def test_what_was_there_before_the_shared_cache_is_published(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    prepare(first.guest, first.messages.append, first.root)
    first.prepare()
    assert second.prepare().path.read_bytes() == RAW


def test_an_image_that_was_published_damaged_is_refused_and_made_again(hosts: tuple[Host, Host]) -> None:
    """Its digests in the shared cache are right, and its own description is not."""
    first, second = hosts
    first.prepare()
    entry = first.root / "images" / DIGEST
    description = read_description(entry)
    (entry / "image.json").chmod(0o644)
    write_description(entry, {**description, "digest": "sha256:0"})
    first.shared.remove(IMAGES, DIGEST)
    first.shared.publish(IMAGES, DIGEST, entry.iterdir(), "wrong")
    with pytest.raises(MediaFault, match="offline nothing is fetched"):
        second.prepare()
    assert any("is refused: disk is not as its description says" in line for line in second.messages)
    first.prepare()
    assert second.prepare().path.read_bytes() == RAW


def test_ci_images_lists_verifies_and_prunes(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = hosts
    first.prepare()
    place = first.shared.place
    assert SharedEntries(first.shared).show() == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].startswith(f"images {DIGEST[:12]}  ")
    assert f"image {first.guest.id} of " in listed[0]
    assert listed[1].startswith(f"{place.name}: 1 entry, ")
    assert SharedEntries(first.shared).verify() == 0
    assert capsys.readouterr().out.rstrip().endswith("intact")

    place.remove(f"data/{place.names('data')[0]}/disk.zst")
    place.publish(f"entries/{IMAGES}/{'0' * 64}.json", b"{}")
    assert SharedEntries(first.shared).verify() == 1
    captured = capsys.readouterr()
    assert "DAMAGED: it has no file disk" in captured.out
    assert "its manifest is incomplete or no manifest; its next user removes it" in captured.err

    small = SharedCache(place, first.messages.append, limit=1, grace=0.0)
    assert SharedEntries(small).prune() == 0
    printed = capsys.readouterr().out
    assert f"{IMAGES} {'0' * 12}  removed: its manifest is incomplete" in printed
    assert f"image {first.guest.id} of " in printed
    assert place.names(f"entries/{IMAGES}") == place.names("data") == []
