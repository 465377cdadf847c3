"""Policies: what is loaded, what is refused, and states that equal those of a plain forward pass."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MambaConfig, MambaForCausalLM

from antigrad.core import AntigradError, InputValueError
from antigrad.core.streams import seeded
from antigrad.language import policy as models_module
from antigrad.language.policy import Policy, check_head, load_policy
from antigrad.language.rollouts import sample
from antigrad.language.tasks import load_task
from helpers.models import in_float64, make_model, make_policy, make_tokenizer, save_model, save_questions

PROMPT = torch.tensor([5, 9, 12, 3, 44, 20, 7])
RESPONSES = torch.tensor([[4, 40, 41, 6, 8, 1], [30, 1, 0, 0, 0, 0], [10, 11, 12, 1, 0, 0]])
LENGTHS = (6, 2, 4)
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "model")


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors") | changes
    kept = {name: value for name, value in weights.items() if value is not None}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def plain_states(policy: Policy, prompt: torch.Tensor, responses: torch.Tensor) -> list[torch.Tensor]:
    """Each response alone, without padding and without a cache."""
    states: list[torch.Tensor] = []
    for row, length in zip(responses, LENGTHS, strict=True):
        whole = torch.cat([prompt, row[:length]])[None]
        out = policy.model.base_model(input_ids=whole, use_cache=False).last_hidden_state[0]
        states.append(out[len(prompt) - 1 : -1])
    return states


@pytest.mark.parametrize("kind", ["llama", "llama_tied", "qwen2", "mistral_window", "gpt2", "gpt_neox"])
def test_states_behind_a_shared_prompt_are_those_of_a_plain_forward_pass(kind: str) -> None:
    policy = in_float64(make_policy(kind))
    ours, theirs = policy.hidden(PROMPT, RESPONSES), plain_states(policy, PROMPT, RESPONSES)
    assert ours.shape == (3, 6, 32)
    for row, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(row[: len(expected)], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["llama", "llama_tied", "qwen2", "mistral_window"])
def test_gradients_through_a_shared_prompt_are_those_of_a_plain_forward_pass(kind: str) -> None:
    policy = in_float64(make_policy(kind))
    pull = torch.randn(3, 6, 32, dtype=torch.float64)
    named = dict(policy.model.base_model.named_parameters())

    def gradients(states: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        loss = sum((state * row[: len(state)]).sum() for state, row in zip(states, pull, strict=True))
        return torch.autograd.grad(loss, list(named.values()), allow_unused=True)

    short = [row[:length] for row, length in zip(policy.hidden(PROMPT, RESPONSES), LENGTHS, strict=True)]
    ours, theirs = gradients(short), gradients(plain_states(policy, PROMPT, RESPONSES))
    assert max(float(value.abs().max()) for value in theirs) > 1
    for name, got, expected in zip(named, ours, theirs, strict=True):
        assert torch.allclose(got, expected, rtol=1e-10, atol=1e-10), name


def test_a_window_shorter_than_the_prompt_matters() -> None:
    windowed, whole = make_policy("mistral_window").model, make_policy("mistral_window", sliding_window=None).model
    ids = PROMPT[None]
    assert torch.equal(windowed.state_dict()["lm_head.weight"], whole.state_dict()["lm_head.weight"])
    assert not torch.allclose(windowed(ids).logits[:, -1], whole(ids).logits[:, -1], atol=1e-3)


def test_responses_of_one_token_need_the_prompt_alone() -> None:
    policy = make_policy()
    ours = policy.hidden(PROMPT, RESPONSES[:, :1])
    assert ours.shape == (3, 1, 32)
    assert torch.allclose(ours, policy.hidden(PROMPT, RESPONSES)[:, :1])


def test_a_prompt_of_one_token() -> None:
    policy = make_policy()
    whole = torch.cat([PROMPT[:1], RESPONSES[0]])[None]
    expected = policy.model.base_model(input_ids=whole).last_hidden_state[0, :-1]
    assert torch.allclose(policy.hidden(PROMPT[:1], RESPONSES)[0], expected, atol=1e-5)


def test_a_loaded_policy_is_what_was_saved(saved: Path) -> None:
    policy = load_policy(str(saved), device="cpu")
    for name, value in make_model().state_dict().items():
        assert torch.equal(policy.model.state_dict()[name], value), name
    assert not policy.model.training
    assert policy.name == str(saved)
    assert policy.device.type == "cpu"
    assert policy.tokenizer("1a=")["input_ids"] == make_tokenizer()("1a=")["input_ids"]
    assert policy.head_weight.shape == (len(policy.tokenizer), 32)
    assert policy.head(0.5).temperature == 0.5
    assert policy.head(1.0).weight.data_ptr() == policy.head_weight.data_ptr()


def test_tied_heads_are_read_as_the_output_matrix(tmp_path: Path) -> None:
    policy = load_policy(str(save_model(tmp_path / "m", "llama_tied")))
    assert policy.head_weight is policy.model.get_input_embeddings().weight


def test_dtype_is_that_asked_for(saved: Path) -> None:
    assert load_policy(str(saved), dtype="bfloat16").head_weight.dtype == torch.bfloat16


def test_generation_settings_that_come_with_a_model_do_not_bend_its_distribution(copy: Path, saved: Path) -> None:
    bent = {"repetition_penalty": 1.8, "top_k": 2, "top_p": 0.1, "no_repeat_ngram_size": 1, "eos_token_id": [1, 5]}
    (copy / "generation_config.json").write_text(json.dumps(bent))
    task = load_task(str(save_questions(copy / "q.jsonl")), count=1)
    policies = load_policy(str(saved)), load_policy(str(copy))
    assert policies[1].model.generation_config.eos_token_id == [1, 5]
    policies[1].model.generation_config.eos_token_id = [1]
    for greedy in (False, True):
        texts: list[list[str]] = []
        for policy in policies:
            with seeded("same"):
                got = sample(
                    policy, task, task.questions[0], count=1 if greedy else 4, max_new_tokens=24,
                    temperature=1.0, greedy=greedy,
                )  # fmt: skip
            texts.append(got.texts)
        assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("gemma2", "final_logit_softcapping=30.0"),
        ("granite", "logits_scaling=8.0"),
        ("cohere", "logit_scale=0.0625"),
        ("phi", "head has a bias"),
    ],
)
def test_heads_that_do_more_than_multiply_are_refused_by_name(kind: str, found: str) -> None:
    with pytest.raises(InputValueError, match=found) as caught:
        check_head(make_policy(kind))
    assert repr(kind) in str(caught.value)
    assert "plain head" in str(caught.value)


@pytest.mark.parametrize("kind", ["gemma2", "granite", "cohere"])
def test_the_same_families_pass_when_the_factor_does_nothing(kind: str) -> None:
    check_head(make_policy(kind, final_logit_softcapping=None, logits_scaling=1.0, logit_scale=1.0))


def test_a_scale_that_no_list_knows_is_found_by_asking_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "_LOGIT_CHANGES", {})
    check_head(make_policy("llama"))
    with pytest.raises(InputValueError, match="logits differ from W h"):
        check_head(make_policy("granite"))


def test_a_head_of_another_kind_is_refused() -> None:
    policy = make_policy()
    policy.model.lm_head = torch.nn.Sequential(policy.model.lm_head)
    with pytest.raises(InputValueError, match="a Sequential"):
        check_head(policy)


def test_a_model_without_keys_and_values_is_refused() -> None:
    config = MambaConfig(vocab_size=len(make_tokenizer()), hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(InputValueError, match=r"MambaForCausalLM.*past can't be shared"):
        check_head(Policy(MambaForCausalLM(config).eval(), make_tokenizer(), "mamba"))


def not_a_number(folder: Path) -> None:
    rewrite(folder, **{UP: torch.full((48, 32), float("nan"))})


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def without_eos(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if "eos" not in key}))


def with_setting(folder: Path, **changed: object) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def with_own_code(folder: Path) -> None:
    (folder / "code.py").write_text("raise SystemExit('it ran')")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "code.X", "AutoModelForCausalLM": "code.Y"}}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (not_a_number, "NaN or infinite logits"),
        (lambda folder: rewrite(folder, **{UP: None}), f"without {UP}"),
        (lambda folder: rewrite(folder, **{UP: torch.zeros(3, 3)}), "size|shape|report"),
        (cut_off, "folder.*header"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no file named model.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a valid JSON"),
        (
            lambda folder: [(folder / name).unlink() for name in ("tokenizer.json", "tokenizer_config.json")],
            "tokenizer",
        ),
        (without_eos, "no end-of-sequence token"),
        (lambda folder: with_setting(folder, model_max_length=["x"]), "not supported between"),
        (lambda folder: with_setting(folder, pad_token="[NEW]"), "padding token '\\[NEW\\]' .* has id 49"),
        (with_own_code, "custom code"),
        (lambda folder: shutil.rmtree(folder), "no such folder"),
    ],
    ids=[
        "nan",
        "incomplete",
        "shape",
        "cut",
        "no weights",
        "config",
        "no tokenizer",
        "no eos",
        "length",
        "padding",
        "own code",
        "no folder",
    ],
)
def test_a_damaged_model_is_a_clear_error(copy: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(copy)
    with pytest.raises(AntigradError, match=said) as caught:
        load_policy(str(copy))
    assert str(copy) in str(caught.value)
    assert "try: " in str(caught.value)


def test_pickled_weights_are_never_read(copy: Path) -> None:
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(AntigradError, match="safetensors"):
        load_policy(str(copy))


def test_a_file_is_no_folder(copy: Path) -> None:
    with pytest.raises(AntigradError, match=r"config\.json' \(file\).*check the name or path"):
        load_policy(str(copy / "config.json"))


def test_a_mistyped_embedded_model_is_recognised() -> None:
    with pytest.raises(AntigradError, match=r"no such folder.*did you mean 'smollm2-135m-instruct'\?"):
        load_policy("/nowhere/smolm2-135m-instruct")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", "meta"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_loaded(device: str) -> None:
    with pytest.raises(InputValueError, match=f"device '{device}'.*auto, cpu, cuda"):
        load_policy("/nowhere", device=device)


def test_an_unknown_dtype_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(InputValueError, match=r"dtype 'float8'.*float32, bfloat16, float16"):
        load_policy("/nowhere", dtype="float8")
