"""`antigrad diagnose pairs` on the tiny policy, against plain torch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.cli.main import main
from antigrad.core import RunFolder
from antigrad.core.page import ARTIFACT
from antigrad.language.policy import load_policy
from antigrad.objectives.pairs.vpo import constraint
from antigrad.posttraining.pairs.pair import Pair, tokenize

pytestmark = pytest.mark.filterwarnings("ignore")
STEP = 1e-5


def command(output: Path, *more: str) -> list[str]:
    return [
        "diagnose",
        "pairs",
        "--model",
        "tiny",
        "--device",
        "cpu",
        "--output",
        str(output),
        "--step-size",
        str(STEP),
        *more,
    ]


OWN = "--tasks tiny_arithmetic(split=train) --answer-marker = --questions 6 --limit 6 --optimizer sgd --beta 0.5"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("pairs") / "run"
    assert main(command(folder, *OWN.split())) == 0
    return RunFolder.open(folder)


def test_changes_are_those_of_plain_torch(run: RunFolder) -> None:
    """One SGD step on DPO written out, the reference being the policy itself."""
    for place, arm in ((0, "none"), (1, "fixed(factor=0.5)"), (2, "order: fixed")):
        policy = load_policy("tiny", device="cpu")
        row = next(row for row in run.ledger.rows("pair") if row["pair"] == place)
        update = next(row for row in run.ledger.rows("update") if (row["pair"], row["arm"]) == (place, arm))
        pair = Pair(1, *(row["texts"][name] for name in ("prompt", "chosen", "rejected")))
        ids = tokenize(pair, policy.tokenizer)

        def log_prob(response: list[int], policy: Any = policy, ids: Any = ids) -> torch.Tensor:
            whole = torch.tensor([[*ids.prompt, *response]])
            logits = policy.model(input_ids=whole).logits[0, len(ids.prompt) - 1 : -1]
            return torch.log_softmax(logits, -1).gather(-1, torch.tensor(response)[:, None]).sum()

        before = [log_prob(ids.chosen), log_prob(ids.rejected)]
        factor = update["factor"]
        margin = before[0] - before[0].detach() - factor * (before[1] - before[1].detach())
        loss = -torch.nn.functional.logsigmoid(0.5 * margin)
        loss.backward()
        with torch.no_grad():
            for weight in policy.model.parameters():
                weight -= STEP * weight.grad
            after = [log_prob(ids.chosen), log_prob(ids.rejected)]
        for name, old, new in zip(("chosen", "rejected"), before, after, strict=True):
            assert update["changes"][name] == pytest.approx((new - old).item(), abs=2e-5), (arm, name)
        assert row["before"]["chosen"] == pytest.approx(before[0].item(), abs=1e-4)
        both = {"chosen", "rejected"}  # all that orders measure
        assert set(update["changes"]) == both if arm.startswith("order") else set(update["changes"]) > both


def test_first_order_predicts_small_steps(run: RunFolder) -> None:
    """Δ chosen = η β/2 (K_ww - λ K_wl): at λ = 1 the measured change is the predicted share of what λ = 0 gives."""
    plain = {row["pair"]: row for row in run.ledger.rows("update") if row["arm"] == "none"}
    half = {row["pair"]: row for row in run.ledger.rows("update") if row["arm"] == "fixed(factor=0.5)"}
    for row in run.ledger.rows("pair"):
        one, other = (found[row["pair"]]["changes"]["chosen"] for found in (plain, half))
        pull = 2 * other - one  # what factor 0 would give, to first order
        # float32 and the second order of a finite step; a flipped sign or a missing factor is far outside.
        assert one == pytest.approx(row["predicted"] * pull, abs=1e-5, rel=0.05)
        assert -1 <= row["cosine"] <= 1 and -1 <= row["cosine_head"] <= 1


def test_every_nat_is_accounted_for(run: RunFolder) -> None:
    plain = {row["pair"]: row for row in run.ledger.rows("update") if row["arm"] == "none"}
    for row in run.ledger.rows("receipt"):
        total = sum(one["change"] for one in row["places"])
        assert total == pytest.approx(plain[row["pair"]]["changes"]["rejected"], abs=1e-5)
        for one in row["places"]:
            assert one["moved"] + sum(gain for _, gain in one["gains"]) + one["others"] == pytest.approx(0, abs=1e-12)


def test_orders_hand_out_the_same_factors(run: RunFolder) -> None:
    found: dict[str, list[float]] = {}
    for row in run.ledger.rows("update"):
        found.setdefault(row["arm"], []).append(row["factor"])
    pvi = torch.tensor([row["pvi"] for row in run.ledger.rows("pair")], dtype=torch.float64)
    assert found["vpo"] == pytest.approx((1 - constraint(pvi)).tolist())
    for name in ("PVI", "shuffled", "reversed", "CHES", "likelihood"):
        assert sorted(found[f"order: {name}"]) == pytest.approx(sorted(found["vpo"]))
    mean = sum(found["vpo"]) / len(pvi)
    assert found["order: fixed"] == pytest.approx([mean] * len(pvi))


def test_pairs_of_one_factor_share_an_update(run: RunFolder) -> None:
    rows: dict[tuple[int, float], list[Any]] = {}
    for row in run.ledger.rows("update"):
        rows.setdefault((row["pair"], row["factor"]), []).append(row["changes"])
    assert all(changes == found[0] for found in rows.values() for changes in found)
    assert any(len(found) > 2 for found in rows.values())


def test_page_and_summary(run: RunFolder) -> None:
    page = run.read_json(ARTIFACT)
    titles = [section["title"] for section in page["sections"]]
    assert titles == [
        "In short",
        "What each rule does",
        "Your pairs",
        "The mass receipt",
        "What predicts the fall",
        "Does the rule matter, or only its mean?",
    ]
    arms = {row["arm"]: row for row in page["sections"][1]["rows"]}
    plain = [row["changes"]["chosen"] for row in run.ledger.rows("update") if row["arm"] == "none"]
    assert arms["none"]["chosen"] == pytest.approx(sum(plain) / len(plain))
    assert arms["none"]["displaced"] == sum(value < 0 for value in plain) / len(plain)
    assert arms["none"]["gain"] == 0
    assert run.summary["none/displaced"] == arms["none"]["displaced"]
    assert (run.path / "report.html").is_file()


def test_interrupted_it_goes_on_to_the_same_figures(run: RunFolder, tmp_path: Path) -> None:
    """As if killed in the middle of the third pair."""
    import shutil

    shutil.copytree(run.path, tmp_path / "run", ignore=shutil.ignore_patterns("summary.json", "report.html"))
    ledger = tmp_path / "run" / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ends = [place for place, line in enumerate(lines) if '"kind": "pair"' in line]
    ledger.write_text("".join(lines[: ends[1] + 3]))
    assert main([*command(tmp_path / "run", *OWN.split()), "--resume"]) == 0
    again = RunFolder.open(tmp_path / "run")
    assert again.summary == run.summary
    assert again.ledger.rows("pair") == run.ledger.rows("pair")


def test_pairs_without_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"{n}+1=", "chosen": f"{n + 1}", "rejected": f"{n + 2}", "paraphrase": f"0+{n + 1}"}
        for n in range(1, 5)
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = ["--pairs", str(source), "--arms", "none,safe"]
    assert main(command(tmp_path / "a", *more)) == 1
    assert "no answer or pvi in rows" in capsys.readouterr().err and not (tmp_path / "a").exists()
    assert main(command(tmp_path / "b", *more, "--orders", "false")) == 0
    run = RunFolder.open(tmp_path / "b")
    assert "orders_verdict" not in run.summary and run.summary["pairs"] == 4
    assert all("chosen_paraphrase" in row["changes"] for row in run.ledger.rows("update"))


def test_settings_all_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(tmp_path / "a", "--arms", "vpoo,vpo", "--limit", "0", "--optimizer", "adam")) == 1
    err = capsys.readouterr().err
    for text in ("4 problems", "did you mean 'vpo'", "limit=0", "optimizer 'adam'", "arms lacks none"):
        assert text in err


def test_the_page_shows_what_became_of_the_answer_in_other_orders(run: RunFolder) -> None:
    """Words shuffled where there are words, characters in reverse always: Δ of the means over pairs that have them."""
    sections = {section["title"]: section for section in run.read_json(ARTIFACT)["sections"]}
    table = sections["What each rule does"]
    assert "permuted_chosen" in [column["key"] for column in table["columns"]]
    for line in table["rows"]:
        updates = [row["changes"] for row in run.ledger.rows("update") if row["arm"] == line["arm"]]
        known = [changes["permuted_chosen"] for changes in updates if "permuted_chosen" in changes]
        assert known and line["permuted_chosen"] == pytest.approx(sum(known) / len(known))
        assert line["permuted_chosen"] != line["chosen"]
