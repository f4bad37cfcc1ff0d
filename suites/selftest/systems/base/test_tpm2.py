"""TPM 2.0 commands, and replies that a real TPM gave."""

from __future__ import annotations

import struct

import pytest

from fixtures.core import errors
from fixtures.systems.base import tpm2

RANDOM = bytes.fromhex("80010000001c0000000000101a89e8cdd6e2d46633d09aba6e770054")
INDEX = bytes.fromhex(
    "80020000003500000000000000220020e3569a9cae3ffffcd2c264f73fbacb7f9e6c41cc9335fe35675c46a2e8d4209c0000010000"
)
REGISTER = bytes.fromhex(
    "80010000003e00000000000000e800000001000b030000010000000100207c6ba76114017ee8b3d291dacc40b657b80cfe6010938f46a214d5a1a49a96f2"
)


def test_replies_of_a_real_tpm_are_parsed() -> None:
    assert tpm2.reply_value(RANDOM, "random").hex() == "1a89e8cdd6e2d46633d09aba6e770054"
    assert tpm2.reply_value(INDEX, "reading").hex().startswith("e3569a9c")
    assert tpm2.register_digest(REGISTER).hex().startswith("7c6ba761")


def test_the_header_of_a_command_holds_its_length() -> None:
    for command in (
        tpm2.get_random(16),
        tpm2.define_index(32),
        tpm2.write_index(bytes(32)),
        tpm2.read_index(32),
        tpm2.extend_register(bytes(32)),
        tpm2.read_register(),
    ):
        assert struct.unpack(">I", command[2:6])[0] == len(command)


@pytest.mark.parametrize("reply", [b"", RANDOM[:-1], bytes.fromhex("80010000000a00000101")])
def test_an_incomplete_reply_and_a_refusal_raise(reply: bytes) -> None:
    with pytest.raises(errors.AnswerNotUnderstood, match="TPM, random"):
        tpm2.reply_value(reply, "random")
