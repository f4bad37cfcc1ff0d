"""What dpkg and rpm say of files, and what clocks say; pure."""

from __future__ import annotations

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.guest.clock import clock_offset
from fixtures.systems.base.answers import unix_time
from fixtures.systems.linux.package_files import parse

DPKG = """\
??5?????? c /etc/sysctl.conf
??5??????   /bin/grep
missing     /usr/bin/free
missing   c /etc/motd
"""
RPM = """\
.M.......    /var/log/lastlog
S.5....T.  c /etc/ssh/sshd_config
S.5......    /usr/bin/grep
missing    g /run/lock
"""


def test_changed_and_missing_files_are_told_but_not_configuration() -> None:
    assert parse("") == ()
    assert parse(DPKG) == ("/bin/grep: of other content", "/usr/bin/free: missing")
    assert parse(RPM) == ("/usr/bin/grep: of other content",)


@pytest.mark.parametrize("answer", ["no dpkg and no rpm\n", "dpkg: error: failed to open\n", "?? /bin/x\n"])
def test_what_is_no_row_is_not_understood(answer: str) -> None:
    with pytest.raises(AnswerNotUnderstood):
        parse(answer)


@pytest.mark.parametrize(
    ("asked", "told", "answered", "ahead"),
    [(10.0, 11.0, 12.0, 0.0), (10.0, 9.0, 12.0, -1.0), (10.0, 14.5, 12.0, 2.5)],
)
def test_the_way_of_question_and_answer_is_nobodys_offset(
    asked: float, told: float, answered: float, ahead: float
) -> None:
    assert clock_offset(asked, told, answered) == ahead


def test_a_time_is_a_number() -> None:
    assert unix_time("1795630653.250000000\n") == 1795630653.25
    assert unix_time("1795630653\n") == 1795630653.0
    with pytest.raises(AnswerNotUnderstood):
        unix_time("1795630653.%N\n")
