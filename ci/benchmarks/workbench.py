"""The environment of all benchmarks: one cell, its image and checkpoint, and a temporary directory."""

from __future__ import annotations

import fcntl
import itertools
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from ci.benchmarks.figures import CannotMeasure
from fixtures.core.errors import CatalogError
from fixtures.host.capacity import Capacity
from fixtures.host.host_summary import summarize
from fixtures.lab.checkpoints.checkpoint import MEMORY
from fixtures.lab.checkpoints.checkpoint_inputs import checkpoint_inputs
from fixtures.lab.checkpoints.saving import plan_template
from fixtures.lab.checkpoints.store import CheckpointStore
from fixtures.lab.instance.hardware_plan import MachineDirectories, plan_hardware
from fixtures.lab.pool.launcher import Launcher
from fixtures.lab.pool.machine_pool import MachinePool
from fixtures.lab.pool.machine_request import MachineRequest
from fixtures.machine.hardware import Memory
from fixtures.media.cache import cache_root
from fixtures.media.prepared_images import PreparedImages
from fixtures.run.settings import Request, choose_accelerator, preflight, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.catalog.specs import Cell
    from fixtures.core.progress import Progress
    from fixtures.evidence.result import CellFacts
    from fixtures.host.acceleration import Accelerator
    from fixtures.machine.hardware import Hardware
    from fixtures.machine.migration import Mechanism
    from fixtures.media.base_images import Image

DEFAULT_GUEST, DEFAULT_PLATFORM = "debian-12", "q35-uefi-virtio"
Size = Literal["full", "quick", "trial"]

_Amount = TypeVar("_Amount")


@dataclass(frozen=True)
class Saved:
    """A checkpoint: the directory of its files, and the mechanism that saved it."""

    directory: Path
    mechanism: Mechanism


@dataclass(frozen=True)
class Workbench:
    """``work`` is the benchmark's own directory; ``size`` says how much is measured.

    ``quick`` selects few repetitions; ``trial`` takes one sample of each figure, from small amounts, which
    shows that it can be measured.
    """

    cell: Cell
    accelerator: Accelerator
    work: Path
    size: Size
    tell: Progress
    images: PreparedImages
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def prepare(cls, work: Path, tell: Progress, guest: str, platform: str, size: Size) -> Workbench:
        """Inspect this host. Raises IronguestError that names everything the host lacks."""
        request = Request(guests=(guest,), platforms=(platform,))
        settings = read_settings(request)
        preflight(settings)
        cell, *others = settings.cells
        if others:
            names = ", ".join(each.id for each in settings.cells)
            raise CatalogError(f"expected one cell to measure on, found {len(settings.cells)}: {names}")
        images = PreparedImages(work, tell)
        return cls(cell, choose_accelerator(request), work, size, tell, images)

    @property
    def image(self) -> Image:
        """The image of the cell, built or verified at the first access."""
        return self.images.image_of(self.cell)

    @property
    def machine_request(self) -> MachineRequest:
        """A request for a pristine guest."""
        return MachineRequest(self.cell, is_cold=False, group=None)

    def is_shared(self) -> bool:
        """Whether machines of other runs are active on this host."""
        for place in (cache_root() / "capacity").glob("core-*"):
            with place.open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
        return False

    def choose(self, full: _Amount, quick: _Amount, trial: _Amount) -> _Amount:
        """The amount for the size of this benchmark."""
        return {"full": full, "quick": quick, "trial": trial}[self.size]

    def times(self, full: int, quick: int) -> int:
        """The number of repetitions; one for a trial."""
        return self.choose(full, quick, 1)

    def directory(self, name: str) -> Path:
        """Make a new directory."""
        path = self.work / f"{name}-{next(self._numbers)}"
        path.mkdir()
        return path

    @contextmanager
    def pool(self, *, checkpoints: bool = True) -> Iterator[MachinePool]:
        """A pool of machines. Only the benchmark's own machines count against the capacity of this host."""
        here = self.directory("lab")
        store = CheckpointStore(self.work, self.tell) if checkpoints else None
        pool = MachinePool(
            here / "evidence",
            here / "machines",
            Launcher(self.accelerator, store, self.tell),
            Capacity(self.work / "capacity", 64, 2 * summarize().memory),
            self.images,
            self.tell,
        )
        try:
            yield pool
        finally:
            pool.close(_forget)

    def checkpoint(self) -> Saved:
        """The checkpoint, after a clone was started. Raises CannotMeasure if there is none."""
        # Directories are no inputs of a checkpoint.
        directories = MachineDirectories(Path("work"), Path("evidence"))
        hardware = plan_template(self.cell, self.accelerator, directories)
        needed = checkpoint_inputs(hardware, self.image)
        checkpoints = CheckpointStore(self.work, self.tell)
        found = checkpoints.find(self.cell.id, needed)
        checkpoints.close()
        if found is None or found[1].mechanism is None:
            raise CannotMeasure(f"{self.cell.id} has no checkpoint on this host that can be cloned")
        return Saved(found[0], found[1].mechanism)

    def hardware(self, directory: Path, saved: Saved | None = None) -> Hardware:
        """The hardware of a machine with its files in ``directory``: a clone if ``saved`` is given."""
        hardware = plan_hardware(self.cell, self.accelerator, MachineDirectories(directory, directory))
        if saved is None:
            return hardware
        memory = (
            Memory(saved.directory / MEMORY, shared=False) if saved.mechanism == "shared memory" else None
        )
        return replace(hardware, memory=memory, incoming=True)


def _forget(facts: CellFacts) -> None:
    """Benchmarks write no report, so the facts are dropped."""
    del facts
