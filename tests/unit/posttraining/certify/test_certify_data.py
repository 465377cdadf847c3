"""Rows of the parts: what is read, what is refused, and which tokens are scored."""

import json
from pathlib import Path
from typing import Any

import pytest

from antigrad.core import InputValueError
from antigrad.posttraining.certify.data import digest, drawn, read_examples, read_pairs, to_tokens
from antigrad.posttraining.certify.forms import Example
from helpers.models import EOS, make_tokenizer

TOKENIZER = make_tokenizer()


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def decoded(ids: list[int]) -> str:
    return TOKENIZER.decode(ids)


def test_every_form_of_row_is_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "1+1"}]
    rows = [
        {"prompt": "a", "response": "b", "id": 7},
        {"prompt": "", "completion": "b"},
        {"text": "abc"},
        {"prompt": turns, "response": "2"},
        {"prompt": turns, "completion": [{"role": "assistant", "content": "2"}]},
    ]
    expected = [
        Example("a", "b"),
        Example("", "b"),
        Example(None, "abc"),
        Example(turns, "2"),
        Example(turns, [{"role": "assistant", "content": "2"}]),
    ]
    assert read_examples(lines(tmp_path / "a.jsonl", "", *rows)) == (expected, [])
    (tmp_path / "b.json").write_text("\ufeff" + json.dumps(rows, indent=2))
    assert read_examples(tmp_path / "b.json") == (expected, [])


def test_pairs_give_both_sides_in_order(tmp_path: Path) -> None:
    rows = [{"prompt": f"{place}", "chosen": "good", "rejected": "bad"} for place in range(3)]
    up, down, problems = read_pairs(lines(tmp_path / "p.jsonl", *rows))
    assert problems == []
    assert up == [Example(f"{place}", "good") for place in range(3)]
    assert down == [Example(f"{place}", "bad") for place in range(3)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{broken", "Expecting property name"),
        ("[1]", "a JSON object is needed"),
        ({"prompt": "a"}, "'prompt' with one of 'response' and 'completion', or 'text' alone"),
        ({"prompt": "a", "response": "b", "completion": "c"}, "with one of 'response' and 'completion'"),
        ({"response": "b"}, "no 'prompt' among the keys ['response']"),
        ({"prompt": 3, "response": "b"}, "'prompt' must be text or messages, not 3"),
        ({"prompt": "a", "response": ""}, "'response' is empty"),
        ({"prompt": "a", "response": ["b"]}, "'response' must be a list of messages"),
        ({"prompt": "a", "response": 3}, "'response' must be text or messages, not 3"),
        ({"messages": [{"role": "user", "content": "a"}]}, "must end with the assistant's turn"),
        ({"prompt": [{"role": "user", "content": None}], "response": "b"}, "'prompt' message 1 has no content (null)"),
        (
            {"prompt": [{"role": "user", "content": [{"type": "image"}]}], "response": "b"},
            "parts of the types ['image']: only text can be scored",
        ),
        ({"prompt": ["a"], "response": "b"}, "'prompt' must be a list of messages"),
        ({"prompt": [], "response": "b"}, "'prompt' must be a list of messages"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_line(tmp_path: Path, row: Any, said: str) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "a"}, row, {"text": "b"})
    rows, problems = read_examples(path)
    assert len(rows) == 2
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} line 2: ")
    assert said in problems[0]


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    assert "No such file" in read_examples(tmp_path / "none")[1][0]
    (tmp_path / "binary").write_bytes(b"PAR1\xff")
    assert "byte 5 is not UTF-8" in read_examples(tmp_path / "binary")[1][0]
    assert "0 rows; at least 2" in read_examples(lines(tmp_path / "empty"))[1][0]
    assert "1 rows; at least 2" in read_examples(lines(tmp_path / "one", {"text": "a"}))[1][0]
    problems = read_examples(lines(tmp_path / "bad", *["x"] * 30))[1]
    assert len(problems) == 21
    assert problems[-1].endswith("10 more like these")


def test_only_the_response_and_its_end_are_scored() -> None:
    tokens = to_tokens(Example("1 + 1 =", " 2"), TOKENIZER, 99)
    assert tokens is not None
    assert decoded(tokens.ids[: tokens.start]) == "1 + 1 ="
    assert decoded(tokens.ids[tokens.start :]) == f" 2{EOS}"


def test_the_end_is_written_once() -> None:
    tokens = to_tokens(Example("1", f"2{EOS}"), TOKENIZER, 99)
    assert tokens is not None
    assert decoded(tokens.ids) == f"12{EOS}"


@pytest.mark.parametrize("prompt", [None, ""])
def test_the_first_token_of_all_is_predicted_by_nothing(prompt: str | None) -> None:
    tokens = to_tokens(Example(prompt, "abc"), TOKENIZER, 99)
    assert tokens is not None
    assert (decoded(tokens.ids), tokens.start) == (f"abc{EOS}", 1)


def test_a_template_that_changes_its_prompt_is_refused() -> None:
    # The test tokenizer's template writes `A:` only when it prompts.
    with pytest.raises(InputValueError, match="writes a prompt otherwise once it is answered"):
        to_tokens(Example([{"role": "user", "content": "1 + 1"}], "2"), TOKENIZER, 99)


def test_a_template_that_fits_gives_the_response_alone() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'assistant' %}A:{% endif %}{{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}A:{% endif %}"
    )
    for answer in ("2", [{"role": "assistant", "content": "2"}]):
        tokens = to_tokens(Example([{"role": "user", "content": "1 + 1"}], answer), tokenizer, 99)
        assert tokens is not None
        assert decoded(tokens.ids[: tokens.start]) == "1 + 1\nA:"
        assert decoded(tokens.ids[tokens.start :]) == "2\n"


def test_long_rows_are_cut_and_those_without_a_response_left_out() -> None:
    tokens = to_tokens(Example("123", "456"), TOKENIZER, 5)
    assert tokens is not None
    assert (decoded(tokens.ids), tokens.start) == ("12345", 3)
    assert to_tokens(Example("123", "456"), TOKENIZER, 3) is None


def test_a_tokenizer_without_template_refuses_messages() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(InputValueError, match="the chat template refused"):
        to_tokens(Example([{"role": "user", "content": "1"}], "2"), tokenizer, 99)


def test_rows_are_drawn_alike_for_files_of_one_length_and_kept_in_order() -> None:
    up, down = ([Example(f"{place}", side) for place in range(50)] for side in ("good", "bad"))
    chosen, rejected = drawn(up, 8, 3), drawn(down, 8, 3)
    places = [int(str(example.prompt)) for example in chosen]
    assert places == sorted(places) == [int(str(example.prompt)) for example in rejected]
    assert len(set(places)) == 8
    assert drawn(up, 99, 3) == up
    assert drawn(up, 8, 4) != chosen
    assert digest(chosen) == digest(list(chosen)) != digest(rejected)


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


ASKED, RIGHT, WRONG = turn("user", "1+1"), turn("assistant", "2"), turn("assistant", "3")
SYSTEM = turn("system", "Be brief.")


@pytest.mark.parametrize(
    ("row", "prompt", "chosen", "rejected"),
    [
        # UltraFeedback as it is published: the prompt as text, and again in both.
        ({"prompt": "1+1", "chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]}, [ASKED], [RIGHT], [WRONG]),
        ({"prompt": " 1+1\n", "chosen": [SYSTEM, ASKED, RIGHT], "rejected": [SYSTEM, ASKED, WRONG]},
         [SYSTEM, ASKED], [RIGHT], [WRONG]),
        # Implicit prompts, as messages and as text.
        ({"chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]}, [ASKED], [RIGHT], [WRONG]),
        ({"chosen": [ASKED, RIGHT, ASKED, RIGHT], "rejected": [ASKED, RIGHT, ASKED, WRONG]},
         [ASKED, RIGHT, ASKED], [RIGHT], [WRONG]),
        ({"prompt": None, "chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]}, [ASKED], [RIGHT], [WRONG]),
        ({"chosen": "Q: 1+1 A: two", "rejected": "Q: 1+1 A: three"}, "Q: 1+1 A: ", "two", "three"),
        # The prompt as messages, the answers alone or behind it.
        ({"prompt": [ASKED], "chosen": [RIGHT], "rejected": [WRONG]}, [ASKED], [RIGHT], [WRONG]),
        ({"prompt": [ASKED], "chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]}, [ASKED], [RIGHT], [WRONG]),
        ({"prompt": "1+1", "chosen": [RIGHT], "rejected": [WRONG]}, [ASKED], [RIGHT], [WRONG]),
        # Contents in parts.
        ({"prompt": [turn("user", [{"type": "text", "text": "1+"}, {"type": "text", "text": "1"}])],
          "chosen": [RIGHT], "rejected": [turn("assistant", [{"type": "text", "text": "3"}])]},
         [ASKED], [RIGHT], [WRONG]),
    ],
)  # fmt: skip
def test_pairs_of_every_form(tmp_path: Path, row: Any, prompt: Any, chosen: Any, rejected: Any) -> None:
    up, down, problems = read_pairs(lines(tmp_path / "p.jsonl", row, row))
    assert problems == []
    assert up[0] == Example(prompt, chosen)
    assert down[0] == Example(prompt, rejected)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"chosen": "yes", "rejected": "no"}, "no 'prompt', and 'chosen' and 'rejected' do not begin alike"),
        ({"chosen": [ASKED], "rejected": "no"}, "must both be text, or both messages"),
        ({"prompt": "2+2", "chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]}, "not what the assistant answers in"),
        ({"prompt": [ASKED], "chosen": [ASKED], "rejected": [WRONG]}, "'chosen' has nothing behind the prompt"),
        ({"prompt": [ASKED], "chosen": [turn("assistant", None)], "rejected": [WRONG]}, "'chosen' message 1 has no"),
    ],
)
def test_pairs_that_can_not_be_read_say_why(tmp_path: Path, row: Any, said: str) -> None:
    assert said in read_pairs(lines(tmp_path / "p.jsonl", row, row))[2][0]


def test_messages_alone_are_scored_in_their_last_turn(tmp_path: Path) -> None:
    row = {"messages": [SYSTEM, ASKED, RIGHT]}
    assert read_examples(lines(tmp_path / "a.jsonl", row, row))[0][0] == Example([SYSTEM, ASKED], [RIGHT])


def test_an_end_that_was_put_behind_a_text_is_told() -> None:
    added, there = (to_tokens(Example("1", text), TOKENIZER, 99) for text in ("2", f"2{EOS}"))
    assert added is not None and there is not None
    assert (added.ids, added.ended, there.ids, there.ended) == (there.ids, True, there.ids, False)
    cut = to_tokens(Example("1", "234"), TOKENIZER, 3)
    assert cut is not None and not cut.ended
