"""Tasks: what is asked, how it is put, and what is said of bad input."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from antigrad.core.catalog import parse_spec
from antigrad.core.errors import AntigradError, InputValueError, ManyInputsError
from antigrad.language.tasks import Question, Task, load_task, task_names
from antigrad.language.tasks.generators import PRESETS
from helpers.data import shared


def texts(task: Task) -> list[str]:
    return [question.question for question in task.questions]


def write(folder: Path, *rows: object) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def rows(count: int) -> list[dict[str, str]]:
    return [{"question": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(count)]


# Presets


def test_products_prompt_is_exactly_this() -> None:
    task = load_task("products", count=1)
    question = task.questions[0]
    assert task.prompt(question, tokenizer=None) == f"2 * 4 = 8\n3 * 5 = 15\n7 * 6 = 42\n{question.question}"
    assert (task.style, task.stop, task.separator, task.verifier) == ("raw", "\n", "\n", "last_number")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_ask_right_distinct_unseen_questions(name: str) -> None:
    task = load_task(name, count=60, seed=3)
    assert len(set(texts(task))) == 60
    assert not set(texts(task)) & {question for question, _ in PRESETS[name].shots}
    for question, answer in [*((q.question, q.answer) for q in task.questions), *task.shots]:
        left, sign, right, equals = question.split(" ")
        assert (sign, equals) in {("*", "="), ("+", "="), ("-", "=")}
        one, other = int(left), int(right)
        assert int(answer) == {"*": one * other, "+": one + other, "-": one - other}[sign]
        assert len(left) == len(right) == (1 if name == "products" else 2)
    question = task.questions[0]
    assert task.correct(f" {question.answer}\n1 + 1 = 2", question)
    assert not task.correct(f" {int(question.answer) + 1}\n{question.answer}", question)
    assert not task.correct(f"\n{question.answer}", question)


def test_questions_depend_on_the_seed_only() -> None:
    many, few = load_task("products", count=40, seed=1), load_task("products", count=10, seed=1, shots=0)
    assert many == load_task("products", count=40, seed=1)
    assert texts(few) == texts(many)[:10]
    assert few.shots == ()
    others = load_task("products", count=40, seed=2)
    assert set(texts(others)[:20]) != set(texts(many)[:20])
    assert texts(others)[:-1] != texts(many)[1:]  # not the same stream, one further


def test_questions_are_the_same_in_another_process() -> None:
    code = "from antigrad.language.tasks import load_task\n" + (
        "for name in ('products', 'sums', 'reasoning_gym:gcd', 'tiny_arithmetic'):\n"
        "    print([q.question for q in load_task(name, count=5, seed=4).questions])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ("products", "sums", "reasoning_gym:gcd", "tiny_arithmetic")
    assert done.stdout.splitlines() == [str(texts(load_task(name, count=5, seed=4))) for name in names]


def test_a_preset_says_how_many_questions_there_are() -> None:
    # One-digit factors: ten times ten, less the three worked examples.
    assert len(load_task("products", count=97).questions) == 97
    with pytest.raises(InputValueError, match="at most 97"):
        load_task("products", count=98)
    with pytest.raises(InputValueError, match="at most 3"):
        load_task("products", count=1, shots=4)


def test_preset_with_another_verifier() -> None:
    task = load_task("products", count=2, verifier="reasoning_gym")
    question, other = task.questions
    assert task.correct(f" {question.answer}", question)
    assert not task.correct(f" {int(question.answer) + 1}", question)
    assert task.questions == load_task("products", count=2).questions
    assert other.id != question.id


# reasoning-gym


@pytest.mark.parametrize(
    "spec",
    [
        "chain_sum(min_terms=2,max_terms=2)",
        "gcd",
        "spell_backward",
        "basic_arithmetic(operators=['+'],max_terms=3)",
        "family_relationships",
        "letter_counting",
        "mini_sudoku",
    ],
)
def test_reasoning_gym_generators(spec: str) -> None:
    task = load_task(f"reasoning_gym:{spec}", count=5, seed=1)
    assert len(set(texts(task))) == 5
    assert (task.style, task.verifier, task.shots, task.stop) == ("chat", "reasoning_gym", (), None)
    for question, other in zip(task.questions, task.questions[1:], strict=False):
        assert "<answer>" in (question.system or "")
        assert task.correct(question.answer, question)
        assert task.correct(other.answer, question) == (other.answer == question.answer)


def test_reasoning_gym_options_reach_the_generator() -> None:
    task = load_task("reasoning_gym:chain_sum(min_terms=3,max_terms=3,min_digits=2,max_digits=2)", count=10)
    for question in task.questions:
        assert question.entry is not None
        terms = question.entry["metadata"]["expression"].replace("-", "+").split(" + ")
        assert [len(term) for term in terms] == [2, 2, 2]


def test_reasoning_gym_in_raw_style_has_worked_examples_that_are_not_asked() -> None:
    task = load_task("reasoning_gym:gcd", count=20, style="raw", shots=3)
    assert len(task.shots) == 3
    assert not set(texts(task)) & {question for question, _ in task.shots}
    (asked, answer), question = task.shots[0], task.questions[0]
    prompt = task.prompt(question, tokenizer=None)
    assert prompt.startswith(f"Question: {asked}\nAnswer: {answer}\n\nQuestion: ")
    assert prompt.endswith(f"\n\nQuestion: {question.question}\nAnswer:")
    assert "<answer>" not in prompt
    assert task.correct(f" {question.answer}\n\nQuestion: more", question)


def test_a_generator_without_reference_answers() -> None:
    task = load_task("reasoning_gym:rush_hour", count=2)
    assert [question.answer for question in task.questions] == ["", ""]
    assert not task.correct("", task.questions[0])
    with pytest.raises(InputValueError, match="no answers that could be shown"):
        load_task("reasoning_gym:rush_hour", count=2, shots=1)
    for verifier in ("exact", "last_number"):
        with pytest.raises(ManyInputsError, match=f"can never be accepted by '{verifier}'"):
            load_task("reasoning_gym:rush_hour", count=2, verifier=verifier)


def test_a_verifier_that_can_never_accept() -> None:
    with pytest.raises(ManyInputsError) as caught:
        load_task("reasoning_gym:spell_backward", count=4, verifier="last_number")
    assert len(caught.value.problems) == 4


def test_a_generator_that_prints_keeps_standard_output_clean(capsys: pytest.CaptureFixture[str]) -> None:
    load_task("reasoning_gym:bf", count=3)
    assert capsys.readouterr().out == ""


def test_a_generator_of_bounded_size_is_not_a_crash() -> None:
    with pytest.raises(InputValueError, match="at most"):
        load_task("reasoning_gym:coin_flip(min_trials=3,max_trials=3)", count=500)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("reasoning_gym:chainsum", "did you mean 'chain_sum'"),
        ("reasoning_gym:chain_sum(minterms=2)", "did you mean 'min_terms'"),
        ("reasoning_gym:chain_sum(seed=2)", "option 'seed'"),
        ("reasoning_gym:chain_sum(size=2)", "option 'size'"),
        (
            "reasoning_gym:chain_sum(min_terms=5,max_terms=2)",
            "max_terms must be >= min_terms.*its options are min_terms",
        ),
        ("reasoning_gym:chain_sum(min_terms=many)", "min_terms='many'.*its options are"),
        ("reasoning_gym:chain_sum(min_terms=2", "close the bracket"),
        ("reasoning_gym:chain_sum(2)", "name the option"),
        ("reasoning_gym:chain_sum(min_terms=2,min_terms=3)", "give it once"),
        ("reasoning_gym:chain_sum(min_terms=[)", "close the bracket|YAML"),
        ("reasoning_gym:composite", "its options are"),
        ("reasoning_gym:", "did you mean 'reasoning_gym:NAME"),
        ("chain_sum(min_terms=2)", r"did you mean 'reasoning_gym:chain_sum\(min_terms=2\)'"),
        ("product", "did you mean 'products'"),
        ("gsm8k", "did you mean 'gsm8k:PATH'"),
        ("tiny_aritmetic", "did you mean 'tiny_arithmetic'"),
        ("tiny_arithmetic(splitt=test)", "known: split"),
        ("tiny_arithmetic(split=tst)", "did you mean 'test'"),
        ("", "unknown task ''"),
    ],
)
def test_bad_names_and_options(spec: str, message: str) -> None:
    with pytest.raises(AntigradError, match=message):
        load_task(spec, count=2)


def test_all_bad_settings_at_once() -> None:
    with pytest.raises(ManyInputsError) as caught:
        load_task("products", count=0, seed=-1, verifier="lastnumber", style="chatt", shots=-2)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 5
    for part in ("count=0", "seed=-1", "shots=-2", "did you mean 'last_number'", "did you mean 'chat'"):
        assert part in problems
    with pytest.raises(ManyInputsError, match=r"count=2\.5"):
        load_task("products", count=2.5)  # pyright: ignore[reportArgumentType]


def test_task_names() -> None:
    assert task_names()[:3] == ["products", "sums", "word_problems"]
    assert all(load_task(name, count=1).questions for name in task_names()[:3])


def test_parse_spec() -> None:
    assert parse_spec(" a ") == ("a", {})
    assert parse_spec("a(x=1, y=[1,2], z={k: [3,4]}, w=text)") == (
        "a",
        {"x": 1, "y": [1, 2], "z": {"k": [3, 4]}, "w": "text"},
    )
    with pytest.raises(InputValueError, match="YAML"):
        parse_spec("a(x='1)")


# The tiny policy's arithmetic


def test_word_problems() -> None:
    task = load_task("word_problems", count=200, seed=1)
    assert task.style == "chat" and len(task.shots) == 2 and task.questions[3].id == "3"
    asked = [question.question for question in task.questions]
    assert len(set(asked)) == 200 and not {question for question, _ in task.shots} & set(asked)
    for question in task.questions:
        first, second = map(int, re.findall(r"\d+", question.question))
        total = first + second if "gets" in question.question else first - second
        assert question.answer == str(total) and total > 0
        assert task.correct(f"That makes {total} things. The answer is {total}.", question)
        assert not task.correct(f"That makes {total} things. The answer is {total + 1}.", question)
    for question, worked in task.shots:
        assert task.correct(worked, Question("", question, worked.rsplit(" ", 1)[1].rstrip(".")))
        assert worked.split(" is ")[-1].rstrip(".") in worked.split("=")[1].split(".")[0]
    assert load_task("word_problems", count=20, seed=1).questions == task.questions[:20]
    assert load_task("word_problems", count=20, seed=2).shots == task.shots
    assert load_task("word_problems", count=20, seed=2).questions != task.questions[:20]
    with pytest.raises(AntigradError, match="at most 4 for word_problems"):
        load_task("word_problems", count=2, shots=5)
    with pytest.raises(AntigradError, match="that reasoning-gym did not make"):
        load_task("word_problems", count=2, verifier="reasoning_gym")


def test_tiny_arithmetic() -> None:
    task = load_task("tiny_arithmetic", count=30, seed=1)
    assert (task.style, task.verifier, task.shots, task.stop) == ("raw", "last_number", (), "\n")
    question = task.questions[0]
    assert task.prompt(question, tokenizer=None) == question.question
    assert task.correct(f"1+1={question.answer}", question)
    assert not task.correct(f"1+1={question.answer}0", question)
    train = load_task("tiny_arithmetic(split=train)", count=30, seed=1)
    assert not set(texts(task)) & set(texts(train))
    shown = load_task("tiny_arithmetic", count=29, seed=1, shots=1)
    assert shown.shots[0][0] == question.question
    assert texts(shown) == texts(task)[1:]
    assert shown.prompt(shown.questions[0], None) == f"{''.join(shown.shots[0])}\n{shown.questions[0].question}"


# GSM8K


def test_gsm8k_as_published() -> None:
    path = shared("gsm8k_test.jsonl")
    published = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        published[row["question"]] = row["answer"]
    task = load_task(f"gsm8k:{path}", count=50, seed=2)
    assert (task.style, task.verifier, len(task.shots), task.stop) == ("raw", "last_number", 4, "\n\n")
    assert len(set(texts(task))) == 50
    assert not set(texts(task)) & {question for question, _ in task.shots}
    for question in task.questions:
        worked = published[question.question]
        assert question.answer == worked.split("#### ")[1].replace(",", "")
        assert task.correct(f" {worked}\n\nQuestion: How many are 5 and 6?", question)
        assert not task.correct(f"{worked}1", question)
    for _, worked in task.shots:
        assert "<<" not in worked
        assert "#### " in worked
    assert any("<<" in published[question] for question, _ in task.shots)
    shown = load_task(f"gsm8k:{path}", count=1, shots=1318).shots
    assert any("\n\n" in published[question] for question, _ in shown)
    assert not any("\n\n" in worked for _, worked in shown)  # it would end the answer
    prompt = task.prompt(task.questions[0], tokenizer=None)
    assert prompt.count("Question: ") == 5
    assert prompt.endswith(f"Question: {task.questions[0].question}\nAnswer:")
    more = load_task(f"gsm8k:{path}", count=1315, seed=2, verifier="math")
    assert more.shots == task.shots
    assert more.questions[:50] == task.questions
    with pytest.raises(InputValueError, match="at most 1319"):
        load_task(f"gsm8k:{path}", count=1316)


def test_gsm8k_commas_and_errors(tmp_path: Path) -> None:
    good = {"question": "How much?", "answer": "A lot, $<<1000+234=1234>>1,234.\n#### 1,234"}
    task = load_task(f"gsm8k:{write(tmp_path, good)}", count=1, shots=0)
    assert task.questions[0] == Question(id="1", question="How much?", answer="1234")
    path = write(
        tmp_path,
        good,
        {"question": "B?", "answer": "5"},
        {"question": "C?", "answer": "#### "},
        good | {"question": "D?", "answer": "#### many"},
    )
    with pytest.raises(ManyInputsError) as caught:
        load_task(f"gsm8k:{path}", count=1, shots=0)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["line 2", "line 3", "line 4"]


# The user's own file


def test_user_file(tmp_path: Path) -> None:
    path = write(tmp_path, *rows(9), "", "   ", {"question": " Who? ", "answer": "7", "system": "Be brief.", "more": 1})
    task = load_task(str(path), count=10, seed=5)
    assert (task.style, task.verifier, task.shots) == ("chat", "last_number", ())
    assert {question.id for question in task.questions} == {*map(str, range(1, 10)), "12"}
    mine = next(question for question in task.questions if question.id == "12")
    assert (mine.question, mine.answer, mine.system) == ("Who?", "7", "Be brief.")
    few = load_task(str(path), count=3, seed=5, shots=2)
    assert few.shots == tuple((question.question, question.answer) for question in task.questions[:2])
    assert few.questions == task.questions[2:5]
    assert texts(load_task(str(path), count=10, seed=6)) != texts(task)
    with pytest.raises(InputValueError, match="at most 10 together"):
        load_task(str(path), count=9, shots=2)


def test_user_file_in_raw_style_keeps_the_system_prompt(tmp_path: Path) -> None:
    path = write(tmp_path, *({"question": text, "answer": "me", "system": "Be brief."} for text in ("A?", "B?")))
    task = load_task(str(path), count=1, style="raw", verifier="exact", shots=1)
    (shown, _), question = task.shots[0], task.questions[0]
    assert {shown, question.question} == {"A?", "B?"}
    assert task.prompt(question, None) == (
        f"Be brief.\n\nQuestion: {shown}\nAnswer: me\n\nQuestion: {question.question}\nAnswer:"
    )


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"question": "Q\xc3\xa9?", "answer": "1"}\r\n\r\n')
    assert texts(load_task(str(path), count=1)) == ["Qé?"]


def test_a_repeated_question_counts_once(tmp_path: Path) -> None:
    path = write(tmp_path, *rows(2), *rows(2))
    assert len(load_task(str(path), count=2).questions) == 2
    with pytest.raises(InputValueError, match="at most 2"):
        load_task(str(path), count=3)


def test_every_error_of_a_file_is_listed(tmp_path: Path) -> None:
    bad: list[tuple[Any, str]] = [
        (b'{"question": "A?", "answer": "1"', "not JSON.*column"),
        (b"\xff\xfe", "byte 1 is not UTF-8"),
        (b"[1, 2]", "a JSON list"),
        (b"null", "a JSON null"),
        (b'{"answer": "1"}', "no 'question' among the keys"),
        (b'{"question": "A?", "Answer": "1"}', "no 'answer' among the keys.*Answer"),
        (b'{"question": "", "answer": "1"}', "empty question"),
        (b'{"question": "A?", "answer": "  "}', "empty answer"),
        (b'{"question": "A?", "answer": 1}', "answer is a number; expected: text"),
        (b'{"question": ["A?"], "answer": "1"}', "question is a list"),
        (b'{"question": "A?", "answer": null}', "answer is a null"),
        (b'{"question": "A?", "answer": "1", "system": 3}', "system is a number"),
        (b'{"question": "A?", "answer": "\\ud800"}', "half of a character"),
        (b'{"question": "A?", "answer": "Paris"}', "'Paris'; expected: one number, .* 'last_number' can accept"),
        (b'{"question": "fine?", "answer": "2"}', "answer '2'; expected: its answer '1'|line 1 with the answer '2'"),
        (b"[" * 100_000, "JSON"),
        (b'{"question": "A?", "answer": ' + b"9" * 5000 + b"}", "JSON"),
    ]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\n".join([b'{"question": "fine?", "answer": "1"}', b"", *(row for row, _ in bad), b""]))
    with pytest.raises(ManyInputsError) as caught:
        load_task(str(path), count=1)
    assert str(caught.value).startswith(f"{path}: {len(bad)} problems")
    for number, ((row, message), problem) in enumerate(zip(bad, caught.value.problems, strict=True), 3):
        assert problem.startswith(f"line {number}: "), row
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(problem)


@pytest.mark.parametrize(("verifier", "bad"), [("last_number", 1), ("exact", 0), ("math", 0)])
def test_answers_are_checked_against_the_chosen_verifier(tmp_path: Path, verifier: str, bad: int) -> None:
    path = write(tmp_path, *rows(2), {"question": "Capital of France?", "answer": "Paris"})
    if bad:
        with pytest.raises(ManyInputsError, match="line 3: given: answer 'Paris'"):
            load_task(str(path), count=1, verifier=verifier)
    else:
        assert len(load_task(str(path), count=3, verifier=verifier).questions) == 3


def test_reasoning_gym_verifier_is_refused_once_for_other_questions(tmp_path: Path) -> None:
    for spec in (str(write(tmp_path, *rows(3))), "tiny_arithmetic"):
        with pytest.raises(AntigradError, match="choose another verifier") as caught:
            load_task(spec, count=2, verifier="reasoning_gym")
        assert not isinstance(caught.value, ManyInputsError)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        for spec in (str(path), f"gsm8k:{path}"):
            with pytest.raises(AntigradError):
                load_task(spec, count=1)
    with pytest.raises(InputValueError, match="No such file"):
        load_task(str(tmp_path / "none.jsonl"), count=1)
    for content in ("", "\n \n"):
        (tmp_path / "empty.jsonl").write_text(content)
        with pytest.raises(ManyInputsError, match="it is empty"):
            load_task(str(tmp_path / "empty.jsonl"), count=1)


# Prompts
