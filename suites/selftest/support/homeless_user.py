"""A user as containers have them: a number without an entry in the password database, and HOME unset."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fixtures.core.errors import IronguestError

NUMBER_WITHOUT_NAME = 54321
_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")

_Result = TypeVar("_Result")


class Homeless(Protocol):
    """Calls a function as a user without a home directory."""

    def __call__(
        self, function: Callable[[], _Result], temporary_directory: Path | None = None
    ) -> _Result: ...


def call_without_home(function: Callable[[], _Result], temporary_directory: Path | None = None) -> _Result:
    """The result of ``function`` in a child process of that user; raises the error that it raises.

    The child does not start another program: this user may not be able to execute the interpreter.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        for name in _VARIABLES:
            os.environ.pop(name, None)
        tempfile.tempdir = None if temporary_directory is None else str(temporary_directory)
        os.setgroups([])
        os.setresgid(NUMBER_WITHOUT_NAME, NUMBER_WITHOUT_NAME, NUMBER_WITHOUT_NAME)
        os.setresuid(NUMBER_WITHOUT_NAME, NUMBER_WITHOUT_NAME, NUMBER_WITHOUT_NAME)
        answer: tuple[bool, Any]
        try:
            answer = (True, function())
        except (IronguestError, OSError, RuntimeError) as error:
            answer = (False, error)
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        has_result, value = pickle.load(pipe)
    os.waitpid(child, 0)
    if not has_result:
        raise value
    result: _Result = value
    return result
