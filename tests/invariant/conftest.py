"""What several files of trainer tests share."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from helpers.grpo import make, ours


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Train three steps, once for each set of options."""

    @cache
    def run(kind: type | None = None, **options: Any) -> Any:
        trainer = make(kind or ours(), tmp_path_factory.mktemp("run"), **options)
        trainer.train()
        return trainer

    return run
