"""What the simulation of a fleet is based on: the shards of a plan, by recorded durations.

``python -m ci.benchmarks.fleet_input BUNDLE...`` cuts the plan ``certification`` by the durations in these
bundles, and writes ``fleet_input.json`` beside this module. The page in ``ci/README.md`` follows from it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from fixtures.commands.matrix.__main__ import selection_of
from fixtures.commands.matrix.durations import Estimator, read_records
from fixtures.commands.matrix.planner import plan_shards
from fixtures.commands.matrix.shard_file import ShardFile, render_shard_file
from fixtures.commands.matrix.suite_checks import read_suite
from fixtures.run.settings import Request, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fixtures.commands.matrix.planner import Plan

FILE: Final = Path(__file__).with_suffix(".json")
_PLAN: Final = "certification"
_TARGET_SECONDS: Final = 900.0


@dataclass(frozen=True)
class FleetInput:
    """The shards of a plan under software emulation.

    ``shards`` are their expected seconds by id, for ``cells`` cells. ``sources`` counts where the durations
    of the results come from, by ``bundles`` bundles. ``shard_bytes`` is the size of a shard in
    ``shards.json``.
    ``kvm_seconds`` is the work of the same cells with hardware assistance, by the model.
    """

    plan: str
    cells: int
    bundles: int
    sources: Mapping[str, int]
    shard_bytes: int
    kvm_seconds: float
    shards: Mapping[str, float]

    @property
    def results(self) -> int:
        """The results of the plan."""
        return sum(self.sources.values())


def read_input(path: Path = FILE) -> FleetInput:
    """The content of the file ``path``."""
    return FleetInput(**json.loads(path.read_text(encoding="utf-8")))


def cut(bundles: Sequence[Path]) -> FleetInput:
    """Cut the plan by the durations in ``bundles``, without hosts that run guests."""
    records = read_records(bundles, "tcg")
    plan = _plan("tcg", Estimator(records, is_emulated=True))
    file = ShardFile(_PLAN, "", None, False, _TARGET_SECONDS, plan.shards)
    return FleetInput(
        plan=_PLAN,
        cells=len({shard.cell for shard in plan.shards}),
        bundles=records.bundles,
        sources=dict(sorted(plan.sources.items())),
        shard_bytes=len(render_shard_file(file)) // len(plan.shards),
        kvm_seconds=round(sum(each.seconds for each in _plan("kvm", Estimator(read_records([]))).shards), 1),
        shards={shard.id: shard.seconds for shard in plan.shards},
    )


def _plan(accelerator: Literal["kvm", "tcg"], estimator: Estimator) -> Plan:
    settings = read_settings(Request(plan=_PLAN, accel=accelerator))
    return plan_shards(selection_of(settings, tuple(read_suite().values())), estimator, _TARGET_SECONDS)


def main(arguments: Sequence[str]) -> int:
    """Write the file from the bundles that ``arguments`` name; returns 0."""
    content = json.dumps(asdict(cut([Path(argument) for argument in arguments])), indent=1)
    FILE.write_text(content + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
