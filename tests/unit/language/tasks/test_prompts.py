"""Prompts as a model reads them, and answers that a verifier can not judge."""

import json
from pathlib import Path

import pytest

from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.language.tasks import Question, Task, load_task


class Tokenizer:
    """The part of a tokenizer that chat prompts need, with a template of its own."""

    chat_template = "yes"

    def apply_chat_template(self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool) -> str:
        assert tokenize is False
        if messages[0]["role"] == "system" and messages[0]["content"] == "refuse":
            raise ValueError("System role not supported")
        turns = "".join(f"<{message['role']}>{message['content']}\n" for message in messages)
        return turns + ("<assistant>" if add_generation_prompt else "")


def chat(system: str | None = None) -> tuple[Task, Question]:
    question = Question(id="1", question="4 + 5?", answer="9", system=system)
    return Task("mine", (question,), "exact", "chat", (("1 + 2?", "3"),), "{question}{answer}", "\n", None), question


def test_chat_prompt() -> None:
    task, question = chat("Be brief.")
    assert task.prompt(question, Tokenizer()) == (
        "<system>Be brief.\n<user>1 + 2?\n<assistant>3\n<user>4 + 5?\n<assistant>"
    )
    task, question = chat()
    assert task.prompt(question, Tokenizer()) == "<user>1 + 2?\n<assistant>3\n<user>4 + 5?\n<assistant>"


def test_chat_prompt_with_a_real_tokenizer() -> None:
    from tokenizers import Tokenizer as Core
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Core(WordLevel({"[UNK]": 0}, unk_token="[UNK]")))
    task, question = chat("Be brief.")
    with pytest.raises(AntigradError, match=r"without a chat template.*choose style 'raw'"):
        task.prompt(question, tokenizer)
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    assert task.prompt(question, tokenizer) == (
        "[system] Be brief. [user] 1 + 2? [assistant] 3 [user] 4 + 5? [assistant]"
    )


def test_a_chat_template_that_refuses() -> None:
    task, question = chat("refuse")
    with pytest.raises(AntigradError, match="System role not supported"):
        task.prompt(question, Tokenizer())


def test_raw_prompt_leaves_no_space_at_the_end() -> None:
    task = Task("t", (), "exact", "raw", (("a {x}", "b"),), "Q: {question}\nA: {answer}", "\n\n", None)
    assert task.prompt(Question("1", "c {answer}", "d"), None) == "Q: a {x}\nA: b\n\nQ: c {answer}\nA:"


def test_questions_compare_and_print_without_their_generator() -> None:
    one, same = (load_task("reasoning_gym:gcd", count=1).questions[0] for _ in range(2))
    assert one.dataset is not same.dataset
    assert one == same
    assert hash(one) == hash(same)
    assert "dataset" not in repr(one)
    assert "metadata" not in repr(one)


NOT_NUMBERS = {
    r"\frac12": "math",
    "x^2+2x+1": "math",
    "12:30": "exact",
    "3, 4": "exact",
    "(1,2)": "math",
    "2x": "math",
    "x=5": "math",
    "2026-11-28": "exact",
    "16 of 20": "exact",
}


def test_answers_that_are_not_one_number_are_refused_by_row_with_the_verifier_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    answers = ["16", *NOT_NUMBERS, "$1,234.50", "18 dollars", "50%", r"\boxed{7}", "1 1/2", r"\frac{1}{2}", "\u22123"]
    rows = [json.dumps({"question": f"Q{n}?", "answer": answer}) + "\n" for n, answer in enumerate(answers)]
    path.write_text("".join(rows))
    with pytest.raises(ManyInputsError) as caught:
        load_task(str(path), count=1)
    assert len(caught.value.problems) == len(NOT_NUMBERS)
    for line, (answer, fits) in enumerate(NOT_NUMBERS.items(), 2):
        problem = caught.value.problems[line - 2]
        assert problem.startswith(f"line {line}: given: answer {answer!r}; expected: one number")
        assert problem.endswith(f"--verifier {fits}")
    assert len(load_task(str(path), count=len(answers), verifier="math").questions) == len(answers)


@pytest.mark.parametrize(("name", "answer"), [("complex_arithmetic", "nan"), ("game_of_life_halting", "nan")])
def test_generators_that_give_full_marks_to_nonsense_are_refused(name: str, answer: str) -> None:
    with pytest.raises(InputValueError, match=f"{name}, whose own scorer gives the answer '{answer}' full marks"):
        load_task(f"reasoning_gym:{name}", count=1)
    assert load_task(f"reasoning_gym:{name}", count=1, verifier="exact").verifier == "exact"


def test_a_file_may_end_in_capitals_and_its_problems_are_counted_and_not_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "A.JSONL"
    path.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n")
    assert load_task(str(path), count=1).questions[0].answer == "2"
    path.write_text("".join(json.dumps({"question": f"{n}?", "answer": "none"}) + "\n" for n in range(300)))
    with pytest.raises(ManyInputsError) as caught:
        load_task(str(path), count=1)
    assert len(caught.value.problems) == 300
    assert str(caught.value).count("\n") == 21
    assert "… and 280 more; all are in " in str(caught.value)
