"""The files of CI engines in ci/templates: what they call exists, and what ci/matrix renders fits them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.commands.matrix.__main__ import main
from fixtures.commands.matrix.engines import github, gitlab, kubernetes, limits, slurm
from fixtures.commands.matrix.needs import Needs
from fixtures.commands.matrix.shard_file import PlannedShard, ShardFile, read_shard_file
from fixtures.core.errors import HostFault
from suites.selftest.support.paths import ROOT

TEMPLATES = ROOT / "ci" / "templates"
FILES = sorted(path for path in TEMPLATES.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> ShardFile:
    out = tmp_path_factory.mktemp("shards") / "shards.json"
    arguments = ["--plan", "certification", "--require-hardware-assist", "--seconds", "300"]
    assert main([*arguments, "--out", str(out)]) == 0
    return read_shard_file(out)


def many(count: int) -> ShardFile:
    shards = [
        PlannedShard(f"s{number}", "g@p", ("a.b",), 60.0, 9.0, Needs(1, 2), ("--plan", "p"), (), "")
        for number in range(count)
    ]
    return ShardFile("p", "sha256:0", None, False, 900.0, tuple(shards))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_command_of_a_template_exists_and_knows_its_options(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    calls = re.findall(r"(?<![\w/-])ci/(setup|matrix|shard|merge|verify)\b([^'\n)]*)", text)
    assert calls
    for command, rest in calls:
        usage = subprocess.run(
            [ROOT / "ci" / command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        options = re.findall(r"(?<!\S)--[a-z-]+", rest.split(" -- ")[0])
        assert [option for option in options if option not in usage] == [], command


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in {".yml", ".yaml"}], ids=str)
def test_yaml_is_yaml_and_short(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


@pytest.mark.parametrize("name", ["slurm.sh", "slurm-merge.sh", "try"])
def test_shell_scripts_are_well_formed(name: str) -> None:
    done = subprocess.run(["bash", "-n", TEMPLATES / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_shell_steps_of_the_jenkinsfile_are_well_formed() -> None:
    text = (TEMPLATES / "Jenkinsfile").read_text(encoding="utf-8")
    steps = re.findall(r"\bsh(?: |\(script: )'([^']*)'", text)
    assert len(steps) == 7
    for step in steps:
        done = subprocess.run(["bash", "-nc", step], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), step


def test_a_matrix_of_github_has_one_entry_for_each_shard(file: ShardFile) -> None:
    rendered = github.render(file)
    assert rendered.count("\n") == 1
    entries = json.loads(rendered)["include"]
    used = set(re.findall(r"matrix\.(\w+)", (TEMPLATES / "github.yml").read_text())) - {"outputs"}
    assert {tuple(sorted(entry)) for entry in entries} == {tuple(sorted(used))}
    assert [entry["shard"] for entry in entries] == [shard.id for shard in file.shards]
    assert all("kvm" in entry["labels"] for entry in entries)
    with pytest.raises(HostFault, match="257 shards, but at most 256 jobs in a matrix of GitHub Actions"):
        github.render(many(257))


def test_a_child_pipeline_extends_the_job_of_its_template(file: ShardFile) -> None:
    pipeline = yaml.safe_load(gitlab.render(file))
    template = yaml.safe_load((ROOT / pipeline["include"][0]["local"]).read_text())
    jobs = {name: job for name, job in pipeline.items() if isinstance(job, dict)}
    assert len(jobs) == len(file.shards)
    assert {job["extends"] for job in jobs.values()} <= template.keys()
    assert {job["stage"] for job in template.values()} == set(pipeline["stages"])


def test_each_shard_is_an_index_of_exactly_one_kubernetes_job(file: ShardFile) -> None:
    items = json.loads(kubernetes.render(file))["items"]
    configuration, *jobs = items
    assert json.loads(configuration["data"]["shards.json"])["shards"][0]["id"] == file.shards[0].id
    indexes: list[int] = []
    for job in jobs:
        container: Any = job["spec"]["template"]["spec"]["containers"][0]
        first = next(int(each["value"]) for each in container["env"] if each["name"] == "FIRST_SHARD")
        indexes += range(first, first + job["spec"]["completions"])
        assert container["resources"]["limits"]["devices.kubevirt.io/kvm"] == "1"
        needs = {file.shards[index].needs for index in range(first, first + job["spec"]["completions"])}
        assert len(needs) == 1
    assert sorted(indexes) == list(range(len(file.shards)))
    with pytest.raises(HostFault, match="a ConfigMap holds 1048576"):
        kubernetes.render(many(5000))


def test_job_arrays_of_slurm_have_each_shard_once_and_stay_below_its_limit() -> None:
    lines = [line for line in slurm.render(many(2500)).splitlines() if line.startswith("submit --")]
    indexes: list[int] = []
    for line in lines:
        options = dict(word.removeprefix("--").split("=", 1) for word in shlex.split(line)[1:])
        first = int(options["export"].rpartition("=")[2])
        last = int(options["array"].rpartition("-")[2])
        assert last < 1000
        indexes += range(first, first + last + 1)
    assert indexes == list(range(2500))


def test_needs_become_constraints_of_slurm(file: ShardFile) -> None:
    script = slurm.render(file)
    assert "--constraint='x86_64&kvm&nested'" in script
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_time_limit_is_for_shards_that_hang() -> None:
    assert limits.time_limit(many(1).shards[0]) == 34
