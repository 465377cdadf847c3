"""TRL's SFTTrainer with a weight for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from datasets import Dataset
from torch import Tensor
from trl import SFTTrainer

from antigrad.core.errors import InputValueError
from antigrad.posttraining.train.maps import silent_maps
from antigrad.posttraining.train.sealed import SealedCheckpoints

WEIGHT = "answer_weight"
"""Column of the weight, one number an answer; it goes to the loss and never into the model."""


class AnswersTrainer(SealedCheckpoints, SFTTrainer):
    r"""Supervised fine-tuning as TRL does it, with the log-likelihood of each answer times its weight.

    $$\mathcal L=-\frac{\sum_iw_i\log\pi(y_i)}{\sum_i|y_i|}$$

    over the answers of an optimizer step. With weights of 1 every model weight after every step is TRL's, bit for bit.

    Args:
        *args: As TRL's; rows have `input_ids` and `labels`, or `prompt` and `completion`, and the weight.
        **kwargs: As TRL's.

    Raises:
        InputValueError: The data set has no column of weights.

    Sign: minimising the loss raises log π of each answer whose weight is above 0, in proportion to it.

    Source: Tajwar et al. 2024, arXiv 2404.14367 (Best-of-N, RWR); TRL's loss.

    Deviations: their mean is over answers; TRL's is over the tokens of a step, a positive factor that all answers of
        the step have in common.

    Example:
        >>> issubclass(AnswersTrainer, SFTTrainer)
        True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if WEIGHT not in cast(Any, self.train_dataset).column_names:
            raise InputValueError(f"rows without {WEIGHT}", "a weight for each", f"add the column {WEIGHT}")
        self.data_collator = WithWeight(self.data_collator)

    def tokenized(self, rows: list[dict[str, Any]]) -> Any:
        """Prepare further rows as those it was made with.

        Args:
            rows: Rows, with weights.

        Returns:
            A data set to train on.
        """
        trainer: Any = self
        with silent_maps():
            data = Dataset.from_list(rows)
            return trainer._prepare_dataset(data, trainer.processing_class, trainer.args, False, None, "train")

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if WEIGHT not in self._signature_columns:
            self._signature_columns.append(WEIGHT)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Compute the loss of a micro-batch.

        Args:
            model: The model.
            inputs: The micro-batch, with weights.
            *args: As TRL's.
            **kwargs: As TRL's.

        Returns:
            As TRL's.

        Raises:
            InputValueError: The weights did not get here.
        """
        inputs = dict(inputs)
        weights: Tensor | None = inputs.pop(WEIGHT, None)
        if weights is None:
            text = f"a batch without the column {WEIGHT}"
            raise InputValueError(text, "one weight an answer", "keep the trainer's data set and collator")
        weighed: Any = Weighed(model, weights)
        return super().compute_loss(weighed, inputs, *args, **kwargs)


@dataclass(frozen=True)
class WithWeight:
    """A collator that hands on the column of weights beside what it makes.

    Args:
        collator: TRL's collator.
    """

    collator: Any

    def __call__(self, examples: Sequence[dict[str, Any]], *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Put examples together.

        Args:
            examples: Rows.
            *args: For the collator.
            **kwargs: For the collator.

        Returns:
            A batch with weights.
        """
        rest = [{name: value for name, value in one.items() if name != WEIGHT} for one in examples]
        batch: dict[str, Any] = self.collator(rest, *args, **kwargs)
        batch[WEIGHT] = torch.tensor([float(one[WEIGHT]) for one in examples])
        return batch


class Weighed:
    """A model whose rows come out with their log-probabilities times a weight.

    Args:
        model: The model, wrapped for several processes or not.
        weights: (B,) weights.
    """

    def __init__(self, model: Any, weights: Tensor) -> None:
        self._model, self._weights = model, weights

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model.

        Args:
            *args: As the model's.
            **kwargs: As the model's.

        Returns:
            What it gives, weighed.
        """
        outputs = self._model(*args, **kwargs)
        outputs.log_probs = outputs.log_probs * self._weights[:, None].to(outputs.log_probs)
        return outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
