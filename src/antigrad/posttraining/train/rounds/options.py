"""Options of TRL that rounds can't go together with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CLASHES = {
    "precompute_ref_log_probs": "reference log-probabilities would be those of the first round's rows",
    "dataloader_persistent_workers": "its workers would keep the first round's rows",
    "num_train_epochs": "set --steps instead",
    "ignore_data_skip": "a run that was interrupted would train on a round's first rows again",
    "group_by_length": "a round's rows come in the order they were drawn",
}


def check_rounds(refresh: int, trl: Mapping[str, Any]) -> list[str]:
    """Check options of TRL against rounds.

    Args:
        refresh: Steps a round; 0 for none.
        trl: The options as given.

    Returns:
        Problems.
    """
    if not refresh:
        return []
    return [f"trl.{name} with refresh={refresh}: {why}" for name, why in _CLASHES.items() if trl.get(name)]
