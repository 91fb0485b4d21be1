# The corpus of attacks on the rules: each test registers what it tries, what must happen and what catches it. docs/attacks.md is this list.
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Attack:
    area: str
    tried: str
    expected: str
    caught_by: str


REGISTERED: list[Attack] = []


def attack(tried: str, expected: str, caught_by: str) -> Callable[[Any], Any]:
    """Registers what the decorated function tries; its area is the name of its file."""

    def register(function: Any) -> Any:
        area = function.__module__.removeprefix("test_")
        REGISTERED.append(Attack(area, tried, expected, caught_by))
        return function

    return register
