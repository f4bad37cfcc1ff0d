"""Parsers of the output of dpkg and rpm, and of clocks."""

from __future__ import annotations

import pytest

from fixtures.core.errors import AnswerNotUnderstood
from fixtures.guest.clock import clock_offset
from fixtures.systems.base.answers import parse_unix_time
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


def test_changed_and_missing_files_are_reported_but_not_configuration_files() -> None:
    assert parse("") == ()
    assert parse(DPKG) == ("/bin/grep: of other content", "/usr/bin/free: missing")
    assert parse(RPM) == ("/usr/bin/grep: of other content",)


@pytest.mark.parametrize("answer", ["no dpkg and no rpm\n", "dpkg: error: failed to open\n", "?? /bin/x\n"])
def test_a_line_that_is_not_a_row_raises(answer: str) -> None:
    with pytest.raises(AnswerNotUnderstood):
        parse(answer)


@pytest.mark.parametrize(
    ("before", "guest", "after", "expected"),
    [(10.0, 11.0, 12.0, 0.0), (10.0, 9.0, 12.0, -1.0), (10.0, 14.5, 12.0, 2.5)],
)
def test_the_duration_of_the_request_does_not_count_as_clock_offset(
    before: float, guest: float, after: float, expected: float
) -> None:
    assert clock_offset(before, guest, after) == expected


def test_unix_time_has_decimals_or_none() -> None:
    assert parse_unix_time("1795630653.250000000\n") == 1795630653.25
    assert parse_unix_time("1795630653\n") == 1795630653.0
    with pytest.raises(AnswerNotUnderstood):
        parse_unix_time("1795630653.%N\n")
