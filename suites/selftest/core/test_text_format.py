"""Text and numbers as people read them."""

from __future__ import annotations

import pytest

from fixtures.core.text_format import (
    format_duration,
    format_size,
    format_timestamp,
    join_words,
    sanitize,
    truncate_middle,
)


@pytest.mark.parametrize(
    ("raw", "sanitized"),
    [
        (
            "plain text, \u00fcml\u00e4ut \u2713\n\tindented",
            "plain text, \u00fcml\u00e4ut \u2713\n\tindented",
        ),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b[?2004hprompt$ ", "prompt$ "),
        ("\x1b]0;title\x07shell", "shell"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1b(Bcharset", "charset"),
        ("\x1b]never ended\nnext line", "\nnext line"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("nul\x00 bell\x07 del\x7f nel\x85", "nul bell del nel"),
        ("\ud800\ufffe\uffff", ""),
        ("abc\u202egnp.exe\u2066", "abcgnp.exe"),
    ],
)
def test_sanitize(raw: str, sanitized: str) -> None:
    assert sanitize(raw) == sanitized
    assert sanitize(sanitize(raw)) == sanitized


def test_truncate_middle_keeps_both_ends_and_counts_the_rest() -> None:
    text = "a" * 500 + "z" * 500
    truncated = truncate_middle(text, 100)
    assert truncated.startswith("a" * 25 + "\n")
    assert truncated.endswith("\n" + "z" * 75)
    assert "[900 characters left out]" in truncated
    assert truncate_middle(text, 1000) == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcd"), "a, b, c and d"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_join_words(words: list[str], sentence: str) -> None:
    assert join_words(words) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.25, "0.25 s"),
        (12.61, "12.6 s"),
        (99.96, "1 min 40 s"),
        (185, "3 min 05 s"),
        (7620, "2 h 07 min"),
    ],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_format_size_and_timestamp() -> None:
    assert format_size(128 << 30) == "128.0 GiB"
    assert format_size(1536) == "1.5 KiB"
    assert format_timestamp("2026-03-01T08:05:09.5Z") == "1 March 2026, 08:05:09 UTC"
