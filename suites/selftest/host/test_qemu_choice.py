"""The option --qemu: which programs it takes, and the labels that it gives them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.core.errors import HostFault, MissingTool
from fixtures.host import qemu
from fixtures.host.qemu import parse_target, read_target, require_machine
from fixtures.host.qemu_choice import absolute_value, choose_qemus

if TYPE_CHECKING:
    from collections.abc import Callable

# A program that answers as QEMU does. It is not used for machines: the tests only choose it.
PROGRAM = """\
#!/bin/sh
# {remark}
case "$*" in
  --version) echo 'QEMU emulator version {version}' ;;
  '-L help') echo '{data}' ;;
  *) echo '{{"QMP": {{}}}}'; echo '{{"return": {{}}}}'; echo '{{"return": {{"arch": "{arch}"}}}}'
     echo '{{"return": [{{"name": "pc-i440fx-{version}", "alias": "pc"}}, {{"name": "microvm"}}]}}'
     echo '{{"event": "SHUTDOWN"}}'; echo '{{"return": {{}}}}' ;;
esac
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., str]:
    """Writes a program that answers like a QEMU of a version, and returns its path."""

    def write(name: str, version: str, arch: str = "x86_64", remark: str = "") -> str:
        path = tmp_path / name
        text = PROGRAM.format(version=version, arch=arch, data=tmp_path, remark=remark or name)
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    return write


def labels(*values: str) -> list[str]:
    return [each.label for each in choose_qemus(values)]


def test_the_version_is_the_label(make: Callable[..., str]) -> None:
    old, new = make("old", "7.2.22 (Debian 1:7.2+dfsg-7)"), make("new", "10.0.13")
    chosen = choose_qemus([old, new])
    assert [(each.label, each.arch, str(each.program)) for each in chosen] == [
        ("7.2", "x86_64", old),
        ("10.0", "x86_64", new),
    ]


def test_a_single_qemu_of_an_architecture_has_no_label(make: Callable[..., str]) -> None:
    old, arm = make("old", "7.2.22"), make("arm", "7.2.22", "aarch64")
    assert labels() == []
    assert labels(old) == [""]
    assert labels(f"mine={old}") == [""]
    assert labels(old, arm) == ["", ""]
    assert labels(old, arm, make("new", "10.0.0")) == ["7.2", "7.2", "10.0"]


def test_equal_versions_are_told_apart(make: Callable[..., str]) -> None:
    debian = make("debian", "10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)")
    ubuntu = make("ubuntu", "10.0.2 (Debian 1:10.0.2+ds-0ubuntu1~x)")
    built, again = make("built", "10.0.2 (v10.0.2-dirty)"), make("again", "10.0.9")
    assert labels(debian, ubuntu) == ["10.0.13+ds-0+deb13u1", "10.0.2+ds-0ubuntu1~x"]
    assert labels(built, again, debian) == ["v10.0.2-dirty", "10.0", "10.0.13+ds-0+deb13u1"]
    assert labels(again, make("third", "10.0.9")) == ["10.0", "10.0-2"]
    assert labels(again, f"10.0={debian}") == ["10.0-2", "10.0"]


def test_a_value_names_its_qemu(make: Callable[..., str]) -> None:
    old, new = make("old", "7.2.22"), make("a=b", "10.0.0")
    assert labels(f"stable={old}", new) == ["stable", "10.0"]
    assert labels(f"stable={old}", f"next={new}") == ["stable", "next"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["{old}", "{old}"], "--qemu {old}: is the same QEMU as --qemu {old}"),
        (["{old}", "x={link}"], "--qemu x={link}: is the same QEMU as --qemu {old}"),
        (["x={old}", "x={new}"], "--qemu x={new}: --qemu x={old} has the same label"),
        (["/nowhere/qemu"], "--qemu /nowhere/qemu: /nowhere/qemu does not name an executable program"),
        (["no-such-qemu"], "--qemu no-such-qemu: no-such-qemu is not installed"),
        (["x="], "--qemu x=: expected a program, or LABEL=PROGRAM"),
        (["/bin/true"], "--qemu /bin/true: expected the version of QEMU; found"),
        (
            ["{broken}"],
            "--qemu {broken}: QEMU does not run: {broken} --version ended with exit status 127: no lib",
        ),
        (["{mute}"], "--qemu {mute}: {mute}: expected QEMU's answers over QMP; found ''"),
        (["{sparc}"], "--qemu {sparc}: runs machines of sparc; Ironguest has platforms of x86_64, aarch64"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line(
    make: Callable[..., str], tmp_path: Path, values: list[str], message: str
) -> None:
    broken, mute, link = (tmp_path / name for name in ("broken", "mute", "link"))
    broken.write_text("#!/bin/sh\necho no library >&2; exit 127\n")
    mute.write_text('#!/bin/sh\n[ "$1" != --version ] || echo QEMU emulator version 9.0.0\n')
    for path in (broken, mute):
        path.chmod(0o755)
    names = {
        "old": make("old", "7.2.22"),
        "new": make("new", "10.0.0"),
        "sparc": make("sparc", "8.0.0", "sparc"),
    }
    link.symlink_to(names["old"])
    names |= {"broken": str(broken), "mute": str(mute), "link": str(link)}
    with pytest.raises(HostFault) as caught:
        choose_qemus([value.format(**names) for value in values])
    [line] = caught.value.message.splitlines()
    assert line.startswith(message.format(**names))


def test_every_unusable_value_has_a_line(make: Callable[..., str]) -> None:
    with pytest.raises(HostFault) as caught:
        choose_qemus(["/nowhere/a", make("old", "7.2.22"), "/nowhere/b"])
    assert [line.partition(": ")[0] for line in caught.value.message.splitlines()] == [
        "--qemu /nowhere/a",
        "--qemu /nowhere/b",
    ]


def test_a_value_means_the_same_in_another_directory() -> None:
    assert absolute_value("qemu-system-x86_64") == "qemu-system-x86_64"
    assert absolute_value("new=build/qemu") == f"new={Path.cwd()}/build/qemu"
    assert absolute_value("./a=b/qemu") == f"{Path.cwd()}/a=b/qemu"


def test_a_machine_type_is_asked_of_each_qemu(make: Callable[..., str]) -> None:
    program = Path(make("new", "10.0.0"))
    assert read_target(program).machines == {"pc-i440fx-10.0.0", "pc", "microvm"}
    require_machine("pc", "x86_64", program)
    with pytest.raises(MissingTool, match=r"QEMU emulator version 10\.0\.0 has no machine type q35"):
        require_machine("q35", "x86_64", program)


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", '{"return": {"arch": "x86_64"}}'])
def test_the_answers_of_another_program_are_an_error(text: str) -> None:
    with pytest.raises(MissingTool, match="mine: expected QEMU's answers over QMP"):
        parse_target(text, Path("mine"))


def test_what_is_asked_of_one_qemu_is_not_kept_for_another(make: Callable[..., str]) -> None:
    one, other = Path(make("one", "8.0.0")), Path(make("other", "9.0.0"))
    assert qemu.find_qemu("x86_64", one).version == (8, 0, 0)
    assert qemu.find_qemu("x86_64", other).version == (9, 0, 0)
