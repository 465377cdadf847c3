"""Hostile texts and bytes: what a seed makes of something whole."""

import json
import random
from typing import Any

TEXTS = [
    "", "\x00", "\ud800", "\udfff", "\u2028", "\x85", "\x1b[2J", "NaN", "-Infinity", "null", "../../etc/passwd", "~",
    "%s%n", "{{7*7}}", "{% for i in range(10**9) %}{% endfor %}", "<script>window.hit=1</script>",
    "'\"><img src=x onerror=hit=1>",
    "a" * 100_000, "9" * 6000, "١٢٣", "🧨" * 50, "--output", "-", "\r\n", "\t", "null\x00byte",
]  # fmt: skip
NUMBERS: list[Any] = [0, -1, 10**30, -(10**400), 1e308, -1e308, 5e-324, float("nan"), float("inf"), True, 2**63]


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def value(draw: random.Random) -> Any:
    """Anything."""
    kinds = [draw.choice(TEXTS), draw.choice(NUMBERS), None, [], {}, [draw.choice(TEXTS)] * 3, nested(60)]
    return draw.choice([*kinds, {draw.choice(TEXTS): draw.choice(NUMBERS)}])


def mutated(given: Any, draw: random.Random, share: float = 0.3) -> Any:
    """A structure with some of its values replaced, some keys lost and some added."""
    if isinstance(given, dict):
        found = {key: mutated(one, draw, share) for key, one in given.items() if draw.random() > share / 4}
        return found | ({draw.choice(TEXTS): value(draw)} if draw.random() < share / 4 else {})
    if isinstance(given, list):
        return [mutated(one, draw, share) for one in given for _ in range(draw.choice([1, 1, 1, 1, 0, 2]))]
    return value(draw) if draw.random() < share else given


def dumped(given: Any) -> str:
    """JSON that may hold what JSON should not."""
    return json.dumps(given, ensure_ascii=False)


def bent(data: bytes, draw: random.Random) -> bytes:
    """Bytes that are cut, turned over, repeated, or others altogether."""
    content = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content)) if content else 0
        match draw.randrange(8):
            case 0:
                del content[at:]
            case 1:
                content[at : at + 1] = bytes([draw.randrange(256)])
            case 2:
                content[at:at] = draw.choice([b"\x00" * 50, b"[" * 100_000, b"{" * 3000, b"\xff\xfe", b"9" * 6000])
            case 3:
                content += content[: draw.randrange(len(content) + 1)]
            case 4:
                content = bytearray(
                    draw.choice([b"", b"\n", b"null", b"[]", b"PK\x03\x04", b"\x80\x04.", b"\xef\xbb\xbf{}"])
                )
            case 5:
                del content[at : at + draw.randrange(200)]
            case 6:
                content[at:at] = draw.choice(TEXTS).encode("utf-8", "surrogatepass")
            case _:
                content = content[::-1] if draw.random() < 0.2 else content
    return bytes(content)
