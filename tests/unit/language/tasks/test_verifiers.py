"""Each verifier says yes and no, on what models write and on what nobody should."""

import gc
import json
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from antigrad.core.errors import AntigradError
from antigrad.language.tasks import Question, load_task
from antigrad.language.tasks.verifiers import VERIFIERS, exact, gym, last_number, limit, math, reasoning_gym, verifier
from helpers.data import shared


def asked(answer: str) -> Question:
    return Question(id="1", question="?", answer=answer)


@pytest.mark.parametrize(
    ("response", "answer", "correct"),
    [
        ("Paris", "Paris", True),
        ("  the\tcat \n sat ", "the cat sat", True),
        ("ﬁne １２", "fine 12", True),  # a ligature and full-width digits
        ("e\u0301t\u00e9", "\u00e9te\u0301", True),
        ("paris", "Paris", False),
        ("Paris.", "Paris", False),
        ("the catsat", "the cat sat", False),
        ("", "Paris", False),
    ],
)
def test_exact(response: str, answer: str, correct: bool) -> None:
    assert exact(response, asked(answer)) is correct


@pytest.mark.parametrize(
    ("response", "answer", "correct"),
    [
        (" 56", "56", True),
        ("54", "56", False),
        ("", "0", False),
        ("none at all", "0", False),
        # The last one counts, not any one.
        ("9 * 2 = 18", "18", True),
        ("18, or perhaps 19", "18", False),
        # Written as people write.
        ("She makes $18.", "18", True),
        ("1,234", "1234", True),
        ("It costs $1,234,567.50 in all.", "1234567.5", True),
        ("1,234", "234", False),
        ("(1,2)", "2", True),
        ("2.50", "2.5", True),
        ("2.5", "25", False),
        (".5", "0.5", True),
        ("50%", "50", True),
        ("007", "7", True),
        ("1e3", "1000", True),
        ("1.5E-1", "0.15", True),
        ("**18**", "18", True),
        # Signs.
        ("-3", "-3", True),
        ("-3", "3", False),
        ("3", "-3", False),
        ("x=-3", "-3", True),
        ("-$18", "-18", True),
        ("$-18", "-18", True),
        ("\u22123", "-3", True),  # a true minus sign
        ("10-3", "3", True),  # subtraction
        ("(10)-3", "-3", False),
        ("pages 2-3", "-3", False),
        # Exact, where floating point is not.
        ("0.1", "0.1000000000000000055511151231257827", False),
        ("9007199254740993", "9007199254740992", False),
        ("1/2", "0.5", True),
        ("1/3", "0.3333333333333333", False),
        ("2/6", "1/3", True),
        ("-1/2", "0.5", False),
        ("1/0", "1", False),
        ("1/0", "0", False),
        # LaTeX.
        (r"\boxed{18}", "18", True),
        (r"The answer is \boxed{18}. I used 3 steps.", "18", True),
        (r"\boxed{18}. I used 3 steps.", "3", False),
        (r"\boxed{3} no, \boxed{18}", "18", True),
        (r"\boxed{\frac{1}{2}} of 7", "0.5", True),
        (r"\dfrac{-1}{2}", "-1/2", True),
        (r"\boxed{no}, 18", "18", False),
        (r"1{,}234", "1234", True),
        (r"1\,234", "1234", True),
        (r"\$18", "18", True),
        (r"\boxed{18", "18", True),  # cut off
        ("9" * 5000, "9" * 5000, False),  # more than is read
    ],
)
def test_last_number(response: str, answer: str, correct: bool) -> None:
    assert last_number(response, asked(answer)) is correct


def test_last_number_agrees_with_gsm8k() -> None:
    rows = [json.loads(line) for line in shared("gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()]
    answers = [asked(row["answer"].split("#### ")[1]) for row in rows]
    assert len(rows) == 1319
    assert all(last_number(row["answer"], answer) for row, answer in zip(rows, answers, strict=True))
    # Against the next row's answer, right exactly where the two numbers are the same.
    gold = [Fraction(answer.answer.replace(",", "")) for answer in answers]
    crossed = [last_number(row["answer"], answer) for row, answer in zip(rows, answers[1:], strict=False)]
    assert crossed == [one == other for one, other in pairwise(gold)]
    assert sum(crossed) < 60


@pytest.mark.parametrize(
    ("response", "answer", "correct"),
    [
        ("The answer is 72.", "72", True),
        ("The answer is 71.", "72", False),
        ("8 * 9 = 72", "72", True),
        ("48/2 = 24\n48+24 = 72\n#### 72", "72", True),
        ("0.5", r"\frac{1}{2}", True),
        (r"so \boxed{\frac{2}{4}}", "1/2", True),
        ("1/3", "1/2", False),
        ("1+2x", "2x+1", True),
        ("1", "2x+1", False),
        ("2x+2", "2x+1", False),
        ("Thus it is $(x-1)(x+1)$.", "x^2-1", True),
        ("Thus it is $(x+1)^2$.", "x^2-1", False),
        ("x**2 + 1", "x^2+1", True),
        ("x**2+1", "3", False),  # not its last piece, 2+1
        (r"$\{2, 1\}$", r"\{1,2\}", True),
        ("(4,3)", "(3,4)", False),
        ("-3", "3", False),
        ("no idea", "3", False),
        ("", "3", False),
        ("Paris", "Paris", True),
        ("It is London", "Paris", False),
    ],
)
def test_math(response: str, answer: str, correct: bool) -> None:
    assert math(response, asked(answer)) is correct


HOSTILE = {
    "tower": "It is 9**9**9**9",
    "tower_latex": "$9^{9^{9^{9}}}$",
    "tower_boxed": r"\boxed{9^{9^{9^{9}}}}",
    "factorials": r"$1000000!!$",
    "sum": r"$\sum_{i=1}^{10^9} \frac{1}{i}$",
    "brackets": "$" + "(" * 3000 + "1" + ")" * 3000 + "$",
    "fractions": r"\frac{" * 2000,
    "boxes": r"\boxed{" * 5000,
    "digits": "1" * 100_000,
    "code": "__import__('time').sleep(60)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_math_never_hangs(name: str) -> None:
    start = time.monotonic()
    assert math(HOSTILE[name], asked("9"), seconds=0.5) is False
    assert time.monotonic() - start < 5.0
    assert math("It is 9", asked("9"), seconds=2.0) is True  # and works after that


def test_time_limit_gives_the_alarm_back() -> None:
    def mine(*_: object) -> None: ...

    before = signal.signal(signal.SIGALRM, mine)
    try:
        math(HOSTILE["tower_latex"], asked("9"), seconds=0.2)
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_time_limit_survives_a_callback_of_the_garbage_collector() -> None:
    """What is raised in there goes to `sys.unraisablehook` and nowhere else."""
    rung = []

    def slow(phase: str, _: dict[str, int]) -> None:
        if phase == "start" and not rung:
            rung.append(phase)
            time.sleep(0.5)

    def forever() -> bool:
        gc.collect()
        while True:
            time.sleep(0.01)

    hook = sys.unraisablehook
    gc.callbacks.append(slow)
    try:
        assert limit.within(0.2, forever) is False
    finally:
        gc.callbacks.remove(slow)
    assert rung
    assert sys.unraisablehook is hook


def test_time_limit_reports_what_else_can_not_be_raised() -> None:
    class Broken:
        def __del__(self) -> None:
            raise KeyError("mine")

    def judge() -> bool:
        Broken()
        return True

    heard = []
    hook, sys.unraisablehook = sys.unraisablehook, heard.append
    try:
        assert limit.within(5.0, judge) is True
    finally:
        sys.unraisablehook = hook
    assert [report.exc_type for report in heard] == [KeyError]


def test_time_limit_beats_a_bare_except() -> None:
    def stubborn() -> bool:
        try:
            time.sleep(30)
        except:  # noqa: E722
            time.sleep(30)
        return True

    start = time.monotonic()
    assert limit.within(0.1, stubborn) is False
    assert time.monotonic() - start < 5.0


def in_thread(call: Callable[[], object]) -> list[object]:
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome


def test_other_threads_are_refused_clearly_where_a_limit_is_needed() -> None:
    (error,) = in_thread(lambda: math("It is 9", asked("9")))
    assert isinstance(error, AntigradError)
    assert "main thread" in str(error)
    assert "last_number" in error.hint
    assert in_thread(lambda: last_number("It is 9", asked("9"))) == [True]
    products = load_task("reasoning_gym:products", count=1).questions[0]
    assert in_thread(lambda: reasoning_gym(products.answer, products)) == [True]


@pytest.mark.parametrize(
    "name", ["chain_sum", "products", "spell_backward", "leg_counting", "countdown", "simple_integration", "n_queens"]
)
def test_reasoning_gym_scores_by_itself(name: str) -> None:
    questions = load_task(f"reasoning_gym:{name}", count=4).questions
    for question, other in zip(questions, [*questions[1:], questions[0]], strict=True):
        assert reasoning_gym(question.answer, question)
        assert reasoning_gym(f" {question.answer}\n", question)
        assert reasoning_gym(f"Let me see. <answer> {question.answer} </answer>", question)
        assert not reasoning_gym(f"<answer>{question.answer}</answer> no: <answer>zzz</answer>", question)
        assert not reasoning_gym(f"zzz {question.answer}", question)  # partial credit at most
        assert not reasoning_gym("", question)
        if other.answer != question.answer:
            assert not reasoning_gym(other.answer, question)


def test_reasoning_gym_accepts_other_right_answers() -> None:
    question = load_task("reasoning_gym:simple_integration", count=1).questions[0]
    assert question.answer.endswith("+ C")
    assert reasoning_gym(f"{question.answer} + 7", question)
    assert not reasoning_gym(f"{question.answer} + X", question)


def test_reasoning_gym_partial_credit_is_wrong() -> None:
    question = load_task("reasoning_gym:products", count=1).questions[0]
    response = f"It is {question.answer}"
    assert 0 < question.dataset.score_answer(response, question.entry) < 1
    assert not reasoning_gym(response, question)


@pytest.mark.parametrize("name", ["countdown", "puzzle24", "simple_integration", "string_insertion", "n_queens"])
def test_reasoning_gym_never_runs_a_response(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = load_task(f"reasoning_gym:{name}", count=1).questions[0]
    target = tmp_path / "written"
    attacks = [
        f"open({str(target)!r}, 'w')",
        f"__import__('pathlib').Path({str(target)!r}).touch()",
        f"ｏpen({str(target)!r}, 'w')",
        f"S('o'+'pen({str(target)!r})')",
        f"[open({str(target)!r}, 'w')]",
    ]
    for attack in attacks:
        assert not reasoning_gym(attack, question)
    assert not target.exists()
    monkeypatch.setattr(gym, "evaluates", lambda _: False)  # what the guard is there for
    with warnings.catch_warnings(action="ignore"):
        for attack in attacks:
            reasoning_gym(attack, question)
    assert target.exists()


@pytest.mark.parametrize("name", ["countdown", "puzzle24"])
def test_reasoning_gym_never_hangs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "TIME_LIMIT", 0.3)
    question = load_task(f"reasoning_gym:{name}", count=1).questions[0]
    start = time.monotonic()
    assert not reasoning_gym("9**9**9**9", question)
    assert not reasoning_gym("(" * 900 + "1" + ")" * 900, question)
    assert not reasoning_gym("-" * 100_000 + "1", question)
    assert time.monotonic() - start < 5.0


def test_reasoning_gym_survives_a_scorer_that_raises() -> None:
    question = load_task("reasoning_gym:prime_factorization", count=1).questions[0]
    with pytest.raises(ValueError):
        question.dataset.score_answer("zzz", question.entry)
    assert not reasoning_gym("zzz", question)
    assert reasoning_gym(question.answer, question)


def test_reasoning_gym_needs_its_entry() -> None:
    with pytest.raises(AntigradError, match="reasoning-gym did not make"):
        reasoning_gym("1", asked("1"))


def test_unknown_verifier() -> None:
    assert list(VERIFIERS) == ["exact", "last_number", "math", "reasoning_gym"]
    assert verifier("math") is math
    with pytest.raises(AntigradError, match="did you mean 'last_number'"):
        verifier("lastnumber")


def test_imports_are_lazy() -> None:
    code = (
        "import sys, antigrad.language.tasks, antigrad.language.tasks.verifiers;"
        "print([name for name in ('reasoning_gym', 'math_verify', 'sympy', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert loaded.isdisjoint({"reasoning_gym", "math_verify", "transformers"})


def test_math_judges_the_answer_and_not_the_reasoning_of_gsm8k() -> None:
    """Worked solutions as thinking, and in the answer tags another number than theirs: wrong; their own: right."""
    rows = [json.loads(line) for line in shared("gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()[:150]]
    for row in rows:
        worked, gold = row["answer"].replace(",", "").split("#### ")
        other = str(int(gold) + 1)
        for open_ in ("<think>", ""):  # a chat template may have opened the thinking
            assert not math(f"{open_}{worked}</think><answer>{other}</answer>", asked(gold))
            assert math(f"{open_}{worked}</think><answer>{gold}</answer>", asked(gold))
            assert math(f"{open_}{worked}</think><answer>{other}</answer>", asked(other))
