"""The end of a first boot: the lines of consoles that say it, and lines that do not."""

from __future__ import annotations

import pytest

from fixtures.channels.boot.late_accounts import BootEnd

CLOUD_INIT = (
    "[   12.345678] cloud-init[412]: Cloud-init v. 22.4.2 running 'init' at Sat, 28 Nov 2026 05:00:00 +0000."
)
MULTI_USER = "[  OK  ] Reached target multi-user.target - Multi-User System."
ENDS = {
    "systemd": MULTI_USER,
    "systemd before its names": "[  OK  ] Reached target Multi-User System.",
    "a desktop": "[  OK  ] Reached target graphical.target - Graphical Interface.",
    "systemd's summary": "[   14.2] systemd[1]: Startup finished in 2.1s (kernel) + 9.8s (userspace) = 11.9s.",
    "cloud-init": (
        "[   40.1] cloud-init[600]: Cloud-init v. 22.4.2 finished at Sat, 28 Nov 2026 05:00:40 +0000."
        " Datasource DataSourceNoCloud [seed=/dev/vdb][dsmode=net].  Up 40.08 seconds"
    ),
    "cloud-init's target": "[  OK  ] Reached target cloud-init.target - Cloud-init target.",
}
OTHERS = (
    "[  OK  ] Reached target network.target - Network.",
    "[  OK  ] Reached target basic.target - Basic System.",
    "         Starting multi-user.target...",
    CLOUD_INIT,
)


@pytest.mark.parametrize("line", ENDS.values(), ids=ENDS)
def test_a_line_ends_a_boot(line: str) -> None:
    end = BootEnd()
    end.feed(OTHERS[:3])
    assert not end.is_over
    end.feed([line])
    assert end.is_over


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_do_not(line: str) -> None:
    end = BootEnd()
    end.feed([line])
    assert not end.is_over


@pytest.mark.parametrize("has_seed", [False, True])
def test_cloud_init_ends_after_the_target_of_systemd(has_seed: bool) -> None:
    end = BootEnd(has_cloud_init=has_seed)
    end.feed([MULTI_USER] if has_seed else [MULTI_USER, CLOUD_INIT])
    assert not end.is_over
    end.feed([ENDS["cloud-init"]])
    assert end.is_over
