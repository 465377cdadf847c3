"""The job on random models of a few thousand parameters: signs, resume, and what it refuses."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from antigrad.core import InputValueError, ManyInputsError, RunFolder
from antigrad.core.progress import progress
from antigrad.language.policy import load_any
from antigrad.posttraining.certify import CertifyConfig, certify
from antigrad.posttraining.certify import job as wing
from antigrad.posttraining.certify.data import Example, to_tokens
from antigrad.posttraining.certify.gradients import part_loss
from helpers.models import make_model, make_tokenizer, save_model

PARTS = ("up", "down", "anchor")


def row(part: str, place: int) -> dict[str, str]:
    answers = {"up": f"{place % 7} = {place}", "down": "a b c d"[: 2 + place % 5], "anchor": f"Q: {place * 3}?"}
    return {"prompt": f"{place} + {place + 1} ", "response": answers[part]}


def tune(folder: Path, weights: dict[str, float], steps: int = 3) -> Path:
    """A real fine-tune: a few optimizer steps on the weighted parts."""
    model, tokenizer = make_model(), make_tokenizer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for _ in range(steps):
        optimizer.zero_grad()
        with progress("rows", 1) as bar:
            for part, weight in weights.items():
                rows = [to_tokens(Example(**row(part, place)), tokenizer, 99) for place in range(8)]
                part_loss(model, [one for one in rows if one], weight, rows_at_once=8, bar=bar, backward=True)
        optimizer.step()
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certify")
    save_model(folder / "before")
    tune(folder / "sft", {"up": 1.0})
    tune(folder / "ascent", {"down": -1.0})
    for part in PARTS:
        rows = [row(part, number) for number in range(8)]
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    make_tokenizer().save_pretrained(folder / "sft")
    return folder


@pytest.fixture
def config(place: Path, tmp_path: Path) -> CertifyConfig:
    files: Any = {part: place / f"{part}.jsonl" for part in PARTS}
    ends = {"before": str(place / "before"), "after": str(place / "sft")}
    return CertifyConfig(**ends, **files, output=tmp_path / "run", device="cpu", rows_at_once=3)


def of(run: RunFolder) -> dict[str, dict[str, Any]]:
    return {one["part"]: one for one in run.ledger.rows("move")}


def test_fine_tuning_on_the_up_part_improves_it_and_the_reverse_move_harms_it(
    config: CertifyConfig, tmp_path: Path
) -> None:
    there = of(certify(config))["up"]
    assert there["drop_measured"] > 0.01
    assert there["drop_predicted"] > 0.01
    assert there["effective"] == "yes"
    assert there["cos_disc"] > 0
    back = of(certify(replace(config, before=config.after, after=config.before, output=tmp_path / "back")))["up"]
    assert back["drop_measured"] == pytest.approx(-there["drop_measured"], rel=1e-3)
    assert back["drop_predicted"] < -0.005
    assert back["effective"] == "no"
    assert back["cos"] < 0 > back["cos_disc"]
    assert back["kappa"] == math.inf


def test_gradient_ascent_on_the_down_part_improves_that_one(config: CertifyConfig, place: Path) -> None:
    row = of(certify(replace(config, after=str(place / "ascent"))))["down"]
    assert row["loss_before"] < 0
    assert row["drop_measured"] > 0.01
    assert row["drop_predicted"] > 0.01
    assert row["effective"] == "yes"


def test_measured_losses_are_those_of_the_two_models(config: CertifyConfig) -> None:
    rows = of(certify(config))
    for part, sign in (("up", 1.0), ("down", -1.0), ("anchor", 1.0)):
        examples = [Example(**row(part, number)) for number in range(8)]
        for key, name in (("loss_before", config.before), ("loss_after", config.after)):
            policy = load_any(name, device="cpu", with_tokenizer=False)
            total, count = 0.0, 0
            for example in examples:
                tokens = to_tokens(example, make_tokenizer(), 99)
                assert tokens is not None
                logits = policy.model(torch.tensor([tokens.ids])).logits[0].log_softmax(-1).detach()
                total -= sum(float(logits[at - 1, tokens.ids[at]]) for at in range(tokens.start, len(tokens.ids)))
                count += len(tokens.ids) - tokens.start
            assert rows[part][key] == pytest.approx(sign * total / count, rel=1e-4)
            assert rows[part]["tokens"] == count
        assert rows[part]["rows"] == 8
    expected = sum(rows[part]["loss_before"] for part in PARTS)
    assert rows["sum"]["loss_before"] == pytest.approx(expected)


def test_the_sum_has_the_weight_that_was_asked_for(config: CertifyConfig) -> None:
    rows = of(certify(replace(config, down_weight=0.25)))
    for key in ("drop_predicted", "drop_measured", "loss_after"):
        assert rows["sum"][key] == pytest.approx(
            rows["up"][key] + 0.25 * rows["down"][key] + rows["anchor"][key], rel=1e-5, abs=1e-7
        )


def test_pairs_give_up_and_down(config: CertifyConfig, tmp_path: Path) -> None:
    whole = of(certify(config))
    rows = [
        row("up", n) | {"chosen": row("up", n)["response"], "rejected": row("down", n)["response"]} for n in range(8)
    ]
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    options: Any = {"up": None, "down": None, "pairs": tmp_path / "pairs.json", "output": tmp_path / "pairs"}
    pairs = of(certify(replace(config, **options)))
    assert list(pairs) == ["up", "down", "anchor", "sum"]
    for part in PARTS:
        assert pairs[part] == whole[part]


def test_one_part_alone_has_neither_sum_nor_window(config: CertifyConfig) -> None:
    run = certify(replace(config, down=None, anchor=None))
    assert list(of(run)) == ["up"]
    assert run.summary["lambda_lo"] is None
    assert "cos/sum" not in run.summary


def test_the_run_is_summed_up_labelled_and_leaves_no_gradients(config: CertifyConfig) -> None:
    run = certify(replace(config, data_role="training"))
    assert run.summary["data_role"] == "training"
    assert run.summary["drop_measured/up"] == of(run)["up"]["drop_measured"]
    assert not (run.path / "checkpoints").exists()
    page = json.dumps(run.read_json("page.json"), ensure_ascii=False)
    assert "The move was made from this very data: the figures flatter it." in page
    for said in ("The gradients are those of the model before", "depends on the coordinates", "κ of the whole move"):
        assert said in page
    assert "up improved" in run.read_json("page.json")["verdict"]["answer"]


@pytest.mark.parametrize("stop", range(8))
def test_an_interrupted_run_goes_on_to_the_same_rows(
    config: CertifyConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole = certify(replace(config, output=tmp_path / "whole"))
    names = ["gradient_of", "save_gradient", "part_loss", "take_sums"]
    calls: list[str] = []
    for name in names:
        real = getattr(wing, name)

        def counted(*args: Any, real: Any = real, name: str = name, **options: Any) -> Any:
            if len(calls) == 2 * stop + 1:
                raise KeyboardInterrupt
            calls.append(name)
            return real(*args, **options)

        monkeypatch.setattr(wing, name, counted)
    with pytest.raises(KeyboardInterrupt):
        certify(config)
    monkeypatch.undo()
    run = certify(replace(config, resume=True))
    for name in ("ledger.jsonl", "summary.json", "artifacts/page.json"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_a_run_goes_on_with_the_same_data_only(
    config: CertifyConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "up.jsonl"
    assert config.up is not None
    own.write_text(config.up.read_text())
    config = replace(config, up=own)
    monkeypatch.setattr(wing, "take_sums", None)
    with pytest.raises(TypeError):
        certify(config)
    monkeypatch.undo()
    own.write_text(own.read_text().replace("= 3", "= 4"))
    with pytest.raises(InputValueError, match="other up than this run began with"):
        certify(replace(config, resume=True))


def test_rows_without_a_token_to_score_are_left_out_and_counted(config: CertifyConfig, tmp_path: Path) -> None:
    rows = [row("up", number) for number in range(6)] + [{"prompt": "1" * 40, "response": "2"}]
    (tmp_path / "long.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    run = certify(replace(config, up=tmp_path / "long.jsonl", max_tokens=30))
    assert (of(run)["up"]["rows"], of(run)["up"]["left_out"]) == (6, 1)
    with pytest.raises(ManyInputsError, match="no row of half 1 has a token to score"):
        certify(replace(config, max_tokens=3, output=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_half_precision_weights_are_certified(config: CertifyConfig, place: Path, tmp_path: Path) -> None:
    for end in ("before", "sft"):
        model = load_any(str(place / end), device="cpu", with_tokenizer=False).model
        model.bfloat16().save_pretrained(tmp_path / end)
    make_tokenizer().save_pretrained(tmp_path / "before")
    ends = {"before": str(tmp_path / "before"), "after": str(tmp_path / "sft")}
    run = certify(replace(config, **ends, dtype="bfloat16"))
    exact = of(certify(replace(config, output=tmp_path / "exact")))["up"]
    row = of(run)["up"]
    assert row["drop_predicted"] > 0 < row["drop_measured"]
    assert row["moved_fraction"] < exact["moved_fraction"]
    assert row["cos"] < exact["cos"]


def test_all_wrong_settings_and_rows_are_told_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "up.jsonl").write_text('{"prompt": "a"}\n{"text": ""}\n')
    options: Any = {"up": tmp_path / "up.jsonl", "pairs": tmp_path / "none", "data_role": "trainig", "dtype": "f"}
    with pytest.raises(ManyInputsError) as caught:
        CertifyConfig(**options, down_weight=-1, max_rows=1, rows_at_once=0)
    said = str(caught.value)
    for text in (
        "before is missing",
        "after is missing",
        "pairs gives up already",
        "did you mean 'training'?",
        "down_weight=-1",
        "max_rows=1",
        "rows_at_once=0",
        "dtype=f",
        "none: No such file",
    ):
        assert text in said
    with pytest.raises(ManyInputsError, match="no data: give at least one"):
        CertifyConfig("a", "b")
    with pytest.raises(ManyInputsError, match="before and after are both 'a'"):
        CertifyConfig("a", "a", up=tmp_path / "up.jsonl")


def test_rows_say_whether_effect_and_drop_are_more_than_chance(config: CertifyConfig) -> None:
    run = certify(config)
    rows = of(run)
    for part in PARTS:
        slopes = [value for one in run.ledger.rows("slope") if one["part"] == part for value in one["each"]]
        halves = [one for one in run.ledger.rows("half") if one["part"] == part]
        ends = [one for one in run.ledger.rows("after") if one["part"] == part]
        tokens = [count for one in halves for count in one["tokens_each"]]
        # Directional derivatives of single rows, in forward mode, add up to that of backward passes.
        assert sum(slopes) / sum(tokens) == pytest.approx(rows[part]["drop_predicted"], rel=1e-3)
        drops = [
            a - b for one, two in zip(halves, ends, strict=True) for a, b in zip(one["each"], two["each"], strict=True)
        ]
        assert sum(drops) / sum(tokens) == pytest.approx(rows[part]["drop_measured"], rel=1e-3)
        mean = sum(drops) / sum(tokens)
        spread = sum((drop - mean * count) ** 2 for drop, count in zip(drops, tokens, strict=True))
        assert rows[part]["drop_error"] == pytest.approx(math.sqrt(8 / 7 * spread) / sum(tokens), rel=1e-6)
        assert rows[part]["drop_t"] * rows[part]["drop_measured"] > 0
    errors = [rows[part]["effect_error"] for part in PARTS]
    assert rows["sum"]["effect_error"] == pytest.approx(sum(errors))
    assert abs(rows["sum"]["t"]) <= max(abs(rows[part]["t"]) for part in PARTS) + 1e-9
    assert run.summary["t/up"] == rows["up"]["t"]


def test_a_move_at_random_is_unresolved_though_random_signs_say_otherwise(
    config: CertifyConfig, tmp_path: Path
) -> None:
    verdicts: list[str] = []
    beyond = 0
    for seed in range(4):
        model = make_model()
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1e-4 * torch.randn_like(parameter))
        model.save_pretrained(tmp_path / str(seed))
        found = of(certify(replace(config, after=str(tmp_path / str(seed)), output=tmp_path / f"run-{seed}")))
        verdicts += [found[part]["effective"] for part in PARTS]
        beyond += sum(abs(found[part]["t"]) > 3 for part in PARTS)
        assert all((row["effective"] == "unresolved") == (abs(row["t"]) <= 3) for row in found.values())
    assert verdicts.count("unresolved") >= 8
    assert beyond <= 4


def test_too_few_rows_are_no_evidence(config: CertifyConfig, tmp_path: Path) -> None:
    found = of(certify(replace(config, max_rows=2, output=tmp_path / "few")))
    assert all(row["effective"] == "unresolved" and row["t"] is None for row in found.values())
