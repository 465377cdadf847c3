"""The preflight on pairs: one update per pair and rule from the same weights; who loses, to what, and what stops it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from antigrad.core.errors import InputValueError
from antigrad.core.progress import progress
from antigrad.core.runs import RunFolder
from antigrad.credit.pairs import PAIR_CREDIT, PairFacts
from antigrad.credit.pairs.fixed import Fixed
from antigrad.language.policy import Policy, load_policy
from antigrad.posttraining.diagnose.pairs.measure import Watched, dot, gradients, measure, watched
from antigrad.posttraining.diagnose.pairs.page import describe
from antigrad.posttraining.diagnose.pairs.settings import ORDERS, DiagnosePairsConfig
from antigrad.posttraining.diagnose.update import Snapshot, Stepper
from antigrad.posttraining.pairs.contexts import PviOptions
from antigrad.posttraining.pairs.facts import check_given, pair_facts
from antigrad.posttraining.pairs.pair import Pair, Tokens, words_of
from antigrad.posttraining.pairs.source import found_pairs, greedy, tokens_of
from antigrad.posttraining.probes.displacement import Receipt, displacement, receipt
from antigrad.posttraining.probes.squeezing import probe_responses


def diagnose_pairs(config: DiagnosePairsConfig) -> RunFolder:
    r"""Take one DPO update for each pair under every rule from the same weights, and measure what it did.

    $$\theta'=\theta-\eta\,\mathrm{opt}\Big(-\tfrac\beta2\nabla\big[\log\pi(y_w)-\lambda\log\pi(y_l)\big]\Big)$$

    At the start the policy is its own reference, so every loss of the margin has this gradient up to a factor: rules
    differ by λ alone, and pairs of one λ share an update.

    Args:
        config: See `DiagnosePairsConfig`.

    Returns:
        The run, with ledger, summary and a page for the report.

    Raises:
        AntigradError: The settings, the model, the pairs or the output folder are not usable.

    Sign: Δ of the chosen response below 0 is likelihood displacement.

    Source: ours; after Razin et al. 2024, arXiv 2410.08847 (displacement, CHES) and Ren & Sutherland 2024, arXiv
        2407.10490 (where the mass goes).

    Deviations: ours.

    Example:
        >>> DiagnosePairsConfig(model="tiny", tasks="tiny_arithmetic", answer_marker="=").arms[0]
        'none'
    """
    config.check()
    prepared = None if (config.output / "run.yaml").exists() else _prepare(config)
    run = RunFolder.start(
        config.output, job="diagnose pairs", config=config, resume=config.resume, free=("output", "resume", "shown")
    )
    if run.summary:
        return run
    with run.refusals():
        _preflight(config, run, *(prepared or _prepare(config)))
    return run


def _preflight(
    config: DiagnosePairsConfig,
    run: RunFolder,
    policy: Policy,
    pairs: list[Pair],
    tokens: list[Tokens],
    left: Sequence[Any],
) -> None:
    done = {row["pair"] for row in run.ledger.stream("pair")}
    begun = {
        (row["pair"], row["kind"], row.get("arm"))
        for row in run.ledger.stream()
        if "pair" in row and row["pair"] not in done
    }
    if not run.ledger.rows("setup"):
        reasons = [{"row": one.row, "reason": one.reason, "detail": one.detail} for one in left]
        run.ledger.append({"kind": "setup", "pairs": len(pairs), "excluded": reasons})
    facts = _facts(config, policy, pairs, tokens)
    factors = _factors(config, facts)
    work = _Work(config, policy, Snapshot(policy.model), Stepper(policy, config.optimizer), facts, factors)
    with progress("pairs", len(pairs)) as bar:
        for place, (pair, ids) in enumerate(zip(pairs, tokens, strict=True)):
            if place not in done:
                run.ledger.extend(
                    row  # but for what a killed run wrote of the pair
                    for row in work.pair(place, pair, ids)
                    if (place, row["kind"], row.get("arm")) not in begun
                )
            bar.advance()
    work.start.restore()
    policy.model.zero_grad()
    describe(run, config)


def _prepare(config: DiagnosePairsConfig) -> tuple[Policy, list[Pair], list[Tokens], Sequence[Any]]:
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    policy = load_policy(
        config.model, device=config.device, dtype=config.dtype, trust_remote_code=config.trust_remote_code
    )
    found = found_pairs(config, policy)
    places = _spread([str(pair.prompt) for pair in found.pairs], config.limit)
    pairs, tokens = [found.pairs[place] for place in places], [found.tokens[place] for place in places]
    if config.orders and not all(pair.answer.strip() or "pvi" in pair.facts for pair in pairs):
        rows = [pair.row for pair in pairs if not pair.answer.strip() and "pvi" not in pair.facts]
        given = f"orders, and no answer or pvi in rows {rows[:8]}"
        raise InputValueError(given, "the gold answer of every pair", "add a column answer, or --orders false")
    check_given(pairs, _needs(config))
    return policy, pairs, tokens, found.excluded


def _spread(prompts: Sequence[str], limit: int) -> list[int]:
    """Take pairs of as many prompts as possible.

    Args:
        prompts: Of each pair.
        limit: Pairs at most.

    Returns:
        Places, in order.
    """
    turn: dict[str, int] = {}
    order: list[tuple[int, int]] = []
    for place, prompt in enumerate(prompts):
        turn[prompt] = turn.get(prompt, -1) + 1
        order.append((turn[prompt], place))
    return sorted(place for _, place in sorted(order)[:limit])


def _needs(config: DiagnosePairsConfig) -> set[str]:
    needs = {"ln_ches", "confidence", "kernel"} | ({"pvi"} if config.orders else set[str]())
    return needs.union(*(PAIR_CREDIT.make(spec).needs for spec in config.arms))


def _facts(config: DiagnosePairsConfig, policy: Policy, pairs: Sequence[Pair], tokens: Sequence[Tokens]) -> PairFacts:
    options = PviOptions(marker=config.answer_marker)
    cache = config.output / "artifacts"
    return pair_facts(policy, pairs, tokens, _needs(config), options=options, cache=cache, seed=config.seed)


def _factors(config: DiagnosePairsConfig, facts: PairFacts) -> dict[str, Tensor]:
    """Compute λ of every arm and order.

    Args:
        config: Names them.
        facts: Of the pairs.

    Returns:
        Arm and (B,) λ; orders are named `order: …`.
    """
    found = {spec: PAIR_CREDIT.make(spec)(facts) for spec in config.arms}
    if config.orders:
        found |= {f"order: {name}": PAIR_CREDIT.make(spec)(facts) for name, spec in ORDERS.items()}
        mean = float(found["order: PVI"].mean())
        found["order: fixed"] = Fixed(mean)(facts)
    return found


@dataclass(frozen=True)
class _Work:
    """What stays the same from pair to pair."""

    config: DiagnosePairsConfig
    policy: Policy
    start: Snapshot
    stepper: Stepper
    facts: PairFacts
    factors: Mapping[str, Tensor]
    greedy: dict[tuple[int, ...], str] = field(default_factory=dict[tuple[int, ...], str])
    """The model's own answer to each prompt: pairs share prompts."""

    def pair(self, place: int, pair: Pair, ids: Tokens) -> Iterator[dict[str, Any]]:
        """Measure one pair, and update on it under every arm.

        Args:
            place: Its place.
            pair: The pair.
            ids: Its tokens.

        Yields:
            Rows for the ledger; that of the pair comes last, and says that all are there.
        """
        self.start.restore()
        here, texts = self._responses(pair, ids)
        both = here.only("chosen", "rejected")
        before, along, _ = measure(self.policy, here)
        up, down = gradients(self.policy, here)
        squares = dot(up, up), dot(up, down), dot(down, down)
        scale = self.config.beta / 2  # σ(0): the policy is its own reference yet
        for pull, push in zip(up, down, strict=True):
            pull.mul_(-scale)
            push.mul_(scale)
        rejected = torch.tensor(ids.rejected, device=along.device)
        effects: dict[float, dict[str, Any]] = {}
        receipts: dict[float, list[Receipt]] = {}
        for arm, factors in self.factors.items():
            factor = float(factors[place])
            if factor not in effects:
                # Orders are compared by what both responses gain; every other row would cost as much as these two.
                after, now = self._step(up, down, factor, here if arm in self.config.arms else both)
                found = receipts[factor] = receipt(along, now, rejected, named=self.config.named)
                moved = displacement(
                    (before["chosen"], after["chosen"]), (before["rejected"], after["rejected"]), found
                )
                changes = {name: after[name] - before[name] for name in after}
                effects[factor] = {"changes": changes, "argmax_gain": moved.argmax_gain}
            yield {"kind": "update", "pair": place, "arm": arm, "factor": factor} | effects[factor]
        yield {"kind": "receipt", "pair": place, "places": [self._named(row) for row in receipts[1.0]]}
        yield {"kind": "pair", "pair": place, "row": pair.row, "texts": texts, "before": before} | self._known(
            place, ids, squares
        )

    def _known(self, place: int, ids: Tokens, squares: tuple[float, float, float]) -> dict[str, Any]:
        facts, kernel = self.facts, self.facts.require_kernel()
        whole = squares[1] / max((squares[0] * squares[2]) ** 0.5, 1e-300)
        return {
            "lengths": [len(ids.prompt), len(ids.chosen), len(ids.rejected)],
            "pvi": None if facts.pvi is None else float(facts.pvi[place]),
            "ln_ches": float(facts.require("ln_ches")[place]),
            "confidence": float(facts.require("confidence")[place]),
            "cosine_head": float(kernel.cosine()[place]),
            "head_change": float(kernel.chosen[place] - kernel.cross[place]) / float(kernel.chosen[place]),
            "cosine": whole,
            # First order, whole model, plain gradient descent: a share of what the chosen's own pull would give.
            "predicted": (squares[0] - squares[1]) / squares[0],
        }

    def _responses(self, pair: Pair, ids: Tokens) -> tuple[Watched, dict[str, str]]:
        asked = tuple(ids.prompt)
        own = self.greedy.get(asked)
        if own is None:
            own = self.greedy[asked] = greedy(self.policy, ids, self.config.max_new_tokens)
        given = (pair.words("prompt"), words_of(pair.chosen), words_of(pair.rejected))
        texts = probe_responses(
            *given, initial=own or None, chosen_paraphrase=pair.paraphrase or None, seed=self.config.seed
        )
        texts["permuted_chosen"] = words_of(pair.chosen)[::-1]
        rows = {"chosen": ids.chosen, "rejected": ids.rejected}
        for name, text in texts.items():
            if name not in rows and text:
                found = tokens_of(pair, text, self.policy.tokenizer)
                if found.prompt == ids.prompt and found.chosen not in rows.values() and found.chosen:
                    rows[name] = found.chosen
        return watched(self.policy, ids.prompt, rows), {"prompt": given[0]} | texts

    def _step(
        self, up: list[Tensor], down: list[Tensor], factor: float, here: Watched
    ) -> tuple[dict[str, float], Tensor]:
        self.start.restore()
        parameters = [one for one in self.policy.model.parameters() if one.requires_grad]
        for one, pull, push in zip(parameters, up, down, strict=True):
            # Written where the last step's gradient was: new memory for all weights costs more than the sum.
            one.grad = torch.empty_like(one) if one.grad is None else one.grad
            torch.add(pull, push, alpha=factor, out=one.grad)
        self.stepper.step(self.config.step_size)
        after, along, _ = measure(self.policy, here)
        return after, along

    def _named(self, row: Receipt) -> dict[str, Any]:
        word = self.policy.tokenizer.decode
        gains = [[word([token]), gain] for token, gain in row.gains]
        return asdict(row) | {"token": word([row.token]), "argmax": word([row.argmax]), "gains": gains}
