"""cloud-init's status in the forms of its versions, and whose fault a first boot is that did not end well."""

from __future__ import annotations

import pytest

from fixtures.core.errors import (
    AnswerNotUnderstood,
    BootTimeout,
    DescriptionMismatch,
    FirstBootFailed,
    IronguestError,
)
from fixtures.systems.linux.cloud_init import judge, parse_status

# As versions 20.4 (Debian 11), 22.4 (Debian 12) and 25.1 (Debian 13) print it.
DONE_20 = """\
....
status: done
time: Sat, 28 Nov 2026 05:20:11 +0000
detail:
DataSourceNoCloud [seed=/dev/vdb][dsmode=net]
"""
DONE_22 = """\
.......status: done
boot_status_code: enabled-by-generator
last_update: Sat, 28 Nov 2026 05:20:11 +0000
detail:
DataSourceNoCloud [seed=/dev/vdb][dsmode=net]
"""
DEGRADED_25 = """\
status: done
extended_status: degraded done
boot_status_code: enabled-by-generator
last_update: Thu, 01 Jan 1970 00:01:13 +0000
detail: DataSourceNoCloud [seed=/dev/vdb]
errors: []
recoverable_errors:
WARNING:
\t- Failed to find a program
"""
FAILED_22 = """\
status: error
boot_status_code: enabled-by-generator
last_update: Sat, 28 Nov 2026 05:20:11 +0000
detail:
('scripts-user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))
"""
FAILED_25 = """\
status: error
extended_status: error - done
boot_status_code: enabled-by-generator
last_update: Thu, 01 Jan 1970 00:01:13 +0000
detail: DataSourceNoCloud [seed=/dev/vdb]
errors:
\t- ('users_groups', ProcessExecutionError("Unexpected error while running command."))
recoverable_errors: {}
"""
DISABLED = """\
status: disabled
boot_status_code: disabled-by-generator
detail:
Cloud-init disabled by cloud-init-generator
"""
RUNNING = (
    "status: running\nboot_status_code: enabled-by-generator\ndetail:\nRunning in stage: modules-config\n"
)
OTHER_SOURCE = DONE_22.replace("DataSourceNoCloud [seed=/dev/vdb][dsmode=net]", "DataSourceNone")
COMPLAINT = "2026-11-28 05:20:11,123 - util.py[WARNING]: Running module scripts-user failed\n"
REFUSED = (
    "2026-11-28 05:20:11,123 - schema.py[WARNING]: Invalid cloud-config provided: packages: 1 is not valid\n"
)


def error_of(text: str, complaints: str = "", *config: str) -> IronguestError | None:
    return judge("g@p", parse_status(text), complaints, config, 120.0)


@pytest.mark.parametrize("text", [DONE_20, DONE_22, DEGRADED_25])
def test_a_first_boot_that_is_done(text: str) -> None:
    assert parse_status(text).used_seed
    assert error_of(text) is None


def test_a_warning_in_the_log_is_no_failure() -> None:
    assert error_of(DONE_22, "2026-11-28 - cc_growpart.py[WARNING]: no disk to grow\n") is None


@pytest.mark.parametrize(
    ("text", "complaints", "config", "kind", "words"),
    [
        (FAILED_22, COMPLAINT, (), FirstBootFailed, ["the first boot failed", "Runparts: 1 failures", "util.py"]),
        (FAILED_25, "", (), FirstBootFailed, ["users_groups", "says nothing"]),
        (FAILED_22, COMPLAINT, ("runcmd",), DescriptionMismatch, ["seed.nocloud.config.runcmd fails", "util.py"]),
        (FAILED_22, COMPLAINT, ("growpart",), FirstBootFailed, ["the first boot failed"]),
        (DONE_22, REFUSED, ("packages",), DescriptionMismatch, ["change seed.nocloud.config", "packages: 1"]),
        (DISABLED, "", (), DescriptionMismatch, ["cloud-init is disabled in the image", "remove the key seed"]),
        (OTHER_SOURCE, "", (), DescriptionMismatch, ["used DataSourceNone and not the seed's disk"]),
        (RUNNING, COMPLAINT, (), BootTimeout, ["did not end within 120 s", "modules-config", "util.py"]),
    ],
)  # fmt: skip
def test_a_first_boot_that_did_not_end_well(
    text: str, complaints: str, config: tuple[str, ...], kind: type[IronguestError], words: list[str]
) -> None:
    error = error_of(text, complaints, *config)
    assert type(error) is kind
    assert [word for word in words if word not in str(error)] == []


def test_an_answer_without_a_status() -> None:
    with pytest.raises(AnswerNotUnderstood, match="expected a line 'status"):
        parse_status("Traceback (most recent call last):\n")
