"""Devices that torch does not know are named, whatever their name is."""

import pytest

from antigrad.core.devices import device_problems


@pytest.mark.parametrize("name", ["", "gpu", "cpu:x", "/dev/null", "\0", "x" * 5000, "meta", "cuda:99"])
def test_a_device_that_is_not_here(name: str) -> None:
    assert "torch sees none of that name" in device_problems(name)[0]


def test_the_processor_is_here() -> None:
    assert device_problems("cpu") == []
