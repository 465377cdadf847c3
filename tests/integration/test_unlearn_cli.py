"""`antigrad unlearn` and `unlearn compare` as a user runs them: files, resumption, bad input."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("sklearn", reason="the extra unlearning is not installed")

from antigrad.cli.main import main
from antigrad.core import ManyInputsError, RunFolder
from antigrad.unlearning.compare import CompareConfig, compare
from antigrad.unlearning.digits.load import digits, trained
from antigrad.unlearning.unlearn import UnlearnConfig, unlearn_job
from antigrad.unlearning.unlearn.receipt import digest_of
from antigrad.unlearning.unlearn.settings import MEASURED
from helpers.commands import start

FAST = ["accuracy(on=forget)", "accuracy(on=test_retained)", "accuracy(on=test)", "aus", "average_gap"]
RECIPE = "retrain(epochs=3,learning_rate=0.003)"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "references"))


def config(output: Path, **options: Any) -> UnlearnConfig:
    return UnlearnConfig(**{"output": output, "recipe": RECIPE, "metrics": FAST, **options})


def comparable(run: RunFolder) -> list[dict[str, Any]]:
    """Rows without what the clock says."""
    rows = [{key: value for key, value in row.items() if key not in ("seconds", "cached")} for row in run.ledger]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def test_the_whole_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A digit is forgotten as by retraining; the receipt says what, and hashes lead to ids and weights."""
    out, before = tmp_path / "run", digest_of(trained("digits-cnn"))
    words = ["unlearn", "--output", str(out), "--metrics", ",".join([*FAST, "logistic_loss_forget_vs_unseen"])]
    assert main([*words, "--recipe", RECIPE, "--forget", "classes(names=[3])", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["accuracy(on=forget)"] <= 0.01
    assert summary["accuracy(on=forget)/retrain"] == 0
    assert summary["accuracy(on=forget)/original"] == 1
    assert summary["aus"] > 0.96 > summary["aus/original"]
    run = RunFolder.open(out)
    receipt = run.read_json("receipt.json")
    (deletion,) = receipt["deletions"]
    train, _ = digits()
    ids = sorted(name for name, label in zip(train.ids, train.labels.tolist(), strict=True) if label == 3)
    assert deletion["samples"] == len(ids)
    assert deletion["ids"]["sha256 of all, sorted"] == hashlib.sha256("\n".join(ids).encode()).hexdigest()
    assert set(deletion["ids"]["sha256 of each"]) == {hashlib.sha256(name.encode()).hexdigest() for name in ids}
    file = run.artifact("models/01-unlearned.safetensors")
    assert receipt["weights after"] == summary["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert receipt["weights before"] == before == digest_of(trained("digits-cnn"))
    attack = deletion["figures"]["logistic_loss_forget_vs_unseen"]
    assert {"attack", "feature", "direction", "ideal", "retrained", "interval"} <= set(attack)
    assert deletion["certified steps"] > 0
    model = trained("digits-cnn")
    model.module.load_state_dict(load_file(file))
    mask = train.labels == 3
    assert float((model(train.images[mask]).argmax(1) == 3).float().mean()) == summary["accuracy(on=forget)"]
    assert "duck" in run.artifact("models/README.md").read_text()
    assert (out / "report.html").stat().st_size > 10_000
    page = run.read_json("page.json")
    losers = next(one for one in page["sections"] if one["title"] == "Who pays: retained samples that lost most")
    rises = [row["after"] - row["before"] for row in losers["rows"]]
    assert len(rises) == 40 and rises == sorted(rises, reverse=True)
    assert all({"up", "down", "foreseen"} <= set(row) for row in losers["rows"])  # To what each owes it.
    assert page["verdict"]["answer"].startswith("Yes")


def test_deletions_one_after_the_other(tmp_path: Path) -> None:
    """The second starts from the model that the first left, and its reference has seen neither."""
    file = tmp_path / "ids.csv"
    train, _ = digits()
    wanted = [name for name, label in zip(train.ids, train.labels.tolist(), strict=True) if label == 5][:40]
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows([["row", "id"], *enumerate(wanted)])
    rules = ["classes(names=[3])", f"named(file={file})"]
    run = unlearn_job(config(tmp_path / "run", forget=rules, twin=False, metrics=[*FAST, "accuracy(on=gone)"]))
    first, second = run.read_json("receipt.json")["deletions"]
    assert (first["samples"], second["samples"]) == (int((train.labels == 3).sum()), 40)
    assert "accuracy(on=gone)" not in first["figures"]  # Nothing was forgotten before the first.
    gone = second["figures"]["accuracy(on=gone)"]
    assert gone["value"] <= 0.05 and gone["retrained"] == 0
    assert run.summary["accuracy(on=gone)"] == gone["value"]
    model = trained("digits-cnn")
    for place, most in ((1, 0.01), (2, 0.05)):
        model.module.load_state_dict(load_file(run.artifact(f"models/{place:02d}-unlearned.safetensors")))
        model.module.eval()
        share = float((model(train.images[train.labels == 3]).argmax(1) == 3).float().mean())
        assert share <= most
    assert share == pytest.approx(gone["value"])
    model.module.load_state_dict(load_file(run.artifact("models/02-retrained.safetensors")))
    assert float((model(train.images[train.labels == 3]).argmax(1) == 3).float().mean()) == 0


@pytest.mark.parametrize("rows", [1, 6, 13, 15])
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, rows: int) -> None:
    options = {"method": "npo(epochs=12)", "every": 1, "weight": "safe", "forget": ["share(fraction=0.05)"]}
    whole = unlearn_job(config(tmp_path / "whole", **options))
    out = tmp_path / "run"
    command = f"unlearn --output {out} --recipe {RECIPE} --metrics {','.join(FAST)} --method npo(epochs=12) --every 1"
    words = [*command.split(), "--weight", "safe", "--forget", "share(fraction=0.05)"]
    running = start(words, tmp_path)
    ledger = out / "ledger.jsonl"
    running.until(lambda: ledger.exists() and ledger.read_bytes().count(b"\n") >= rows)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (out / "summary.json").exists()
    assert main([*words, "--resume"]) == 0
    run = RunFolder.open(out)
    for name in ("01-unlearned", "01-retrained", "01-twin"):
        path = f"models/{name}.safetensors"
        assert run.artifact(path).read_bytes() == whole.artifact(path).read_bytes()
    seen = {row["step"]: row["effect"] for row in run.ledger.rows("certificate")}
    assert seen == {row["step"]: row["effect"] for row in whole.ledger.rows("certificate")}
    kept = [row for row in comparable(run) if row["kind"] == "metric"]
    assert kept == [row for row in comparable(whole) if row["kind"] == "metric"]


def test_a_handful_of_samples(tmp_path: Path) -> None:
    """Attackers that cannot be fitted to five samples are left out and named; the rest is measured."""
    file = tmp_path / "ids.csv"
    train, _ = digits()
    file.write_text("id\n" + "\n".join(train.ids[:5]) + "\n")
    everything = list(MEASURED)
    run = unlearn_job(config(tmp_path / "run", forget=[f"named(file={file})"], metrics=everything))
    measured = {row["name"] for row in run.ledger.rows("metric")}
    assert {"accuracy(on=forget)", "average_gap", "salun_forget_as_unseen", "relearning"} <= measured
    assert not any(name.startswith(("svm_", "logistic_", "nomus", "detection")) for name in measured)
    table = next(one for one in run.read_json("page.json")["sections"] if one["title"].startswith("Figures"))
    assert "nomus" in table["text"]


def test_a_run_that_diverges_is_stopped_and_says_so(tmp_path: Path) -> None:
    run = unlearn_job(config(tmp_path / "run", method="neg_grad(learning_rate=5)", twin=False))
    assert run.summary["stopped"]
    assert "was stopped" in run.read_json("page.json")["verdict"]["answer"]
    assert run.summary["accuracy(on=test)"] == run.summary["accuracy(on=test)/original"]


def test_ones_own_network_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that makes it, weights in a .pt file with a prefix, images in safetensors."""
    (tmp_path / "my_network.py").write_text(
        "from torch import nn\n\n\ndef make(seed):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))\n"
    )
    monkeypatch.chdir(tmp_path)
    train, test = digits()
    for name, one in (("train", train), ("test", test)):
        save_file({"images": one.images, "labels": one.labels}, tmp_path / f"{name}.safetensors")
    from torch import nn

    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(train.images), train.labels).backward()
        optimizer.step()
    torch.save({f"module.{name}": value for name, value in module.state_dict().items()}, tmp_path / "w.pt")
    given = config(
        tmp_path / "run", model="my_network:make", weights="w.pt", data="train.safetensors", test="test.safetensors",
        forget=["classes(names=[7])"], twin=False, recipe="retrain(epochs=10,learning_rate=0.01)",
    )  # fmt: skip
    run = unlearn_job(given)
    assert run.summary["accuracy(on=forget)"] < 0.2 < 0.9 < run.summary["accuracy(on=forget)/original"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"forget": ["named(file=none.csv)"]}, "none.csv"),
        ({"forget": ["classes(names=[0,1,2,3,4,5,6,7,8,9])"]}, "deletion of everything"),
        ({"forget": ["classes(names=[cat])"]}, "class 'cat'"),
        ({"forget": ["named(file=ids.csv)"]}, "1 of 2 ids are not there, as nobody"),
        ({"forget": ["share(fraction=1.5)"]}, "between 0 and 1"),
        ({"data": "labels.safetensors", "test": "labels.safetensors"}, "0 to 5 are known"),
        ({"data": "more.safetensors", "test": "more.safetensors"}, "a model of 10 classes for data of 13"),
        ({"model": "heads:after", "weights": "heads.safetensors"}, "whose logits are not those of"),
        ({"model": "heads:none", "weights": "heads.safetensors"}, "a linear layer that gives the logits"),
        ({"forget": ["classes(names=[3])", "classes(names=[3])"]}, "deletion of nothing"),
        ({"forget": ["subject(column=person,value=1)"]}, "column 'person'"),
        ({"model": "resnet"}, "model 'resnet'"),
        ({"data": "none.safetensors"}, "none.safetensors"),
        ({"method": "duk"}, "did you mean 'duck'"),
    ],
)
def test_bad_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ids.csv").write_text("id\ndigits-0000\nnobody\n".replace("digits-0000", digits()[0].ids[0]))
    (tmp_path / "heads.py").write_text(
        "from torch import nn\n\n\ndef after():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))\n\n\n"
        "def none():\n    return nn.Sequential(nn.Flatten(1, 2), nn.Conv1d(8, 10, 8), nn.Flatten())\n"
    )
    heads = {"1.weight": torch.ones(10, 64), "1.bias": torch.zeros(10)}
    save_file(heads, tmp_path / "heads.safetensors")
    train = digits()[0]
    for name, shift in (("labels", -4), ("more", 3)):
        save_file({"images": train.images, "labels": train.labels + shift}, tmp_path / f"{name}.safetensors")
    words = [word for key, value in options.items() for word in (f"--{key}", value if isinstance(value, str) else ",".join(value))]  # fmt: skip  # noqa: E501
    assert main(["unlearn", "--output", str(tmp_path / "run"), *words]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_weights_that_are_not_finite_or_not_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {name: value.clone() for name, value in trained("digits-cnn").module.state_dict().items()}
    save_file({**state, "head.weight": state["head.weight"] * float("nan")}, tmp_path / "nan.safetensors")
    save_file({name: value for name, value in state.items() if name != "head.bias"}, tmp_path / "less.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    for name, told in (("nan", "1 not finite"), ("less", "1 missing, as head.bias"), ("broken", "safetensors")):
        words = ["unlearn", "--output", str(tmp_path / "run"), "--weights", str(tmp_path / f"{name}.safetensors")]
        assert main(words) == 1
        assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_all_problems_at_once() -> None:
    with pytest.raises(ManyInputsError) as caught:
        UnlearnConfig(method="duk", metrics=["accuracy(on=all)"], floor=2, every=-1, weight="much", shadows=1)
    assert len(caught.value.problems) == 6
    with pytest.raises(ManyInputsError, match="only push down"):
        UnlearnConfig(method="neg_grad", weight="safe")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    os.environ["ANTIGRAD_CACHE"] = str(tmp_path_factory.getbasetemp() / "references")
    return compare(of_two(tmp_path_factory.mktemp("c") / "run"))


def of_two(output: Path) -> CompareConfig:
    return CompareConfig(
        methods=["duck", "neg_grad(epochs=1)", "cf_k(k=9)"], seeds=2, metrics=[*FAST, "cost(what=steps)"],
        search=[0.3, 1.0], recipe=RECIPE, output=output,
    )  # fmt: skip


def test_comparison(compared: RunFolder) -> None:
    summary, key = compared.summary, "classes(names=[3])"
    assert summary[f"{key}/duck/average_gap"] < summary[f"{key}/original/average_gap"]
    assert summary[f"{key}/retrain/accuracy(on=forget)"] == 0
    assert summary[f"{key}/retrain/average_gap"] == pytest.approx(summary[f"{key}/retrain again/average_gap"], abs=0.05)
    assert summary[f"{key}/duck/average_gap/low"] <= summary[f"{key}/duck/average_gap"]
    assert {row["method"] for row in compared.ledger.rows("left out")} == {"cf_k(k=9)"}  # Fewer layers than that.
    searched = {row["method"]: row for row in compared.ledger.rows("search")}
    tries = searched["duck"]["tries"]
    assert searched["duck"]["factor"] == min(tries, key=lambda one: one["gap"])["factor"]
    seeds = {row["seed"] for row in compared.ledger.rows("outcome")}
    assert seeds == {0, 1}  # Not the seed of the search.
    assert compared.read_json("page.json")["sections"][0]["title"] == "In short"


def test_a_comparison_goes_on_where_it_was(compared: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "run"
    whole = (compared.path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for count in (4, len(whole) - 2):
        folder = out / str(count)
        folder.mkdir(parents=True)
        (folder / "run.yaml").write_text((compared.path / "run.yaml").read_text())
        (folder / "ledger.jsonl").write_bytes(b"".join(whole[:count]))
        for path in (compared.path / "artifacts" / "references").glob("*"):
            target = folder / "artifacts" / "references" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        again = compare(CompareConfig(**{**of_two(folder).__dict__, "resume": True}))
        for kind in ("search", "outcome"):
            old, new = (
                [{"figures": row.get("figures"), "factor": row["factor"]} for row in run.ledger.rows(kind)]
                for run in (compared, again)
            )
            assert old == new


def test_a_comparison_in_two_processes_is_the_same(compared: RunFolder, tmp_path: Path) -> None:
    again = compare(CompareConfig(**{**of_two(tmp_path / "run").__dict__, "workers": 2}))

    def figures(run: RunFolder) -> dict[Any, Any]:
        return {(row["method"], row["seed"]): row["figures"] for row in run.ledger.rows("outcome")}

    assert figures(again) == figures(compared)


def test_a_table_of_encoded_images(tmp_path: Path) -> None:
    """Damaged images are named and left out; `strict` refuses them."""
    pyarrow = pytest.importorskip("pyarrow")
    import io

    import pyarrow.parquet as parquet
    from PIL import Image

    from antigrad.core import AntigradError

    train, test = digits()
    rows: dict[str, list[Any]] = {"image": [], "label": [], "split": []}
    for name, one in (("train", train), ("test", test)):
        for pixels, label in zip(one.images[:200], one.labels[:200].tolist(), strict=True):
            out = io.BytesIO()
            Image.fromarray((pixels[0] * 255).byte().numpy()).save(out, "PNG")
            rows["image"].append(out.getvalue())
            rows["label"].append(label)
            rows["split"].append(name)
    rows["image"][5] = b"no picture"
    parquet.write_table(pyarrow.table(rows), tmp_path / "digits.parquet")
    save_file(trained("digits-cnn").module.state_dict(), tmp_path / "w.safetensors")
    given = config(
        tmp_path / "run", model="antigrad.unlearning.digits.networks:DigitsCNN",
        weights=str(tmp_path / "w.safetensors"),
        data=str(tmp_path / "digits.parquet"), size=8, mean=[0.0], std=[1.0], twin=False,
    )  # fmt: skip
    run = unlearn_job(given)
    assert run.summary["accuracy(on=forget)/original"] == 1
    assert run.summary["accuracy(on=forget)"] <= 0.05
    (row,) = run.ledger.rows("damaged")
    assert len(row["images"]) == 1 and "digits-00005" in row["images"][0]
    with pytest.raises(AntigradError, match="1 damaged"):
        unlearn_job(replace(given, strict=True, output=tmp_path / "strict"))


@pytest.mark.parametrize("rule", ["classes(names=[3])", "share(fraction=0.3)"])
def test_shadow_models(tmp_path: Path, rule: str) -> None:
    """LiRA on a run: shadow models are kept, and not trained again."""
    given = config(
        tmp_path / "run", forget=[rule], shadows=5, twin=False, metrics=["lira_forget_above_unseen"], payers=0, every=0
    )
    run = unlearn_job(given)
    (row,) = run.ledger.rows("metric")
    assert row["name"] == "lira_forget_above_unseen" and 0 <= row["value_low"] <= row["value"] <= row["value_high"] <= 1
    assert row["direction"] == "AUC of forgotten above unseen samples" and row["ideal"] == 0.5
    assert len(run.ledger.rows("shadow")) == 5
    again = unlearn_job(UnlearnConfig(**{**given.__dict__, "resume": True}))
    assert len(again.ledger.rows("shadow")) == 5 and len(again.ledger.rows("metric")) == 1


def test_references_and_shadow_models_in_two_processes_are_the_same(tmp_path: Path) -> None:
    """Of two deletions in sequence; the figures do not depend on where they were trained."""
    given = config(
        tmp_path / "one", forget=["classes(names=[3])", "share(fraction=0.1)"], shadows=4, every=0, payers=0,
        metrics=[*FAST, "lira_forget_above_unseen"], cache=False, recipe="retrain(epochs=1)",
    )  # fmt: skip
    one, two = unlearn_job(given), unlearn_job(replace(given, output=tmp_path / "two", workers=2))
    names = sorted(path.name for path in one.artifact("models").glob("*.safetensors"))
    assert len(names) == 2 * (1 + 2 + 4)
    for name in names:
        assert one.artifact(f"models/{name}").read_bytes() == two.artifact(f"models/{name}").read_bytes(), name
    rows = [[row for row in comparable(run) if row["kind"] == "metric"] for run in (one, two)]
    assert rows[0] == rows[1] and len(rows[0]) >= 10
