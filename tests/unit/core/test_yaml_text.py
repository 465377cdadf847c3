"""YAML of users: aliases and depth are bounded, and every fault is one class of error."""

import pytest
import yaml

from antigrad.core.yaml_text import UnboundedError, load_yaml


def bomb(levels: int, width: int = 9) -> str:
    """Lists of lists by aliases: `width` to the power of `levels` values."""
    lines = [f"- &a0 [{','.join('x' * width)}]"]
    lines += [f"- &a{n} [{','.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(10),
        bomb(60),
        "a: &a\n  b: *a",
        "&a [*a]",
        "&a\n<<: *a",
        "[" * 100_000 + "]" * 100_000,
        "[" * 300 + "]" * 300,
        "{a: " * 300 + "1" + "}" * 300,
    ],
)
def test_what_would_not_end_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 6000,
        "2020-99-99",
        "!!int x",
        "!!int ''",
        "!!float x",
        "!!bool x",
        "!!timestamp x",
        "0x_",
        "[\ud800]",
        "? [a, b]\n: 1",
        "a: \x00",
        "!!python/object/apply:os.getcwd []",
    ],
)
def test_every_fault_is_a_yaml_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_a_few_aliases_are_fine() -> None:
    text = "seeds: &s [1, 2, 3]\nothers: *s\nsame: {<<: &m {a: 1}, b: 2}\nagain: *m"
    assert load_yaml(text) == yaml.safe_load(text)
    assert load_yaml("[" * 90 + "]" * 90) is not None


def test_long_files_without_aliases_have_no_bound() -> None:
    assert len(load_yaml("".join(f"k{n}: 1\n" for n in range(3000)))) == 3000


def test_the_given_reader_reads_what_is_bounded() -> None:
    assert load_yaml("1e-3", lambda text: text.upper()) == "1E-3"
    with pytest.raises(UnboundedError, match="leads to itself"):
        load_yaml("&a [*a]", lambda text: text)
