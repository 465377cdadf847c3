"""One character is one token, there and back, also from a folder."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antigrad.language.tiny.tokenizer import CONTEXT, EOS, PAD, TOKENS, UNKNOWN, make_tokenizer

ALPHABET = "0123456789+-*= \n"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder: Path = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@given(text=st.text(ALPHABET, max_size=CONTEXT))
def test_text_comes_back_and_nothing_is_added(loaded: Any, text: str) -> None:
    ids = loaded(text).input_ids
    assert ids == [TOKENS.index(character) for character in text]
    assert loaded.decode(ids) == text


def test_special_tokens_have_the_first_ids(loaded: Any) -> None:
    assert (loaded.pad_token_id, loaded.eos_token_id, loaded.unk_token_id) == (0, 1, 2)
    assert loaded(f"7{EOS}").input_ids == [10, 1]
    assert loaded("7x").input_ids == [10, 2]
    assert loaded.decode([10, 1, 0, 0], skip_special_tokens=True) == "7"
    assert loaded.convert_ids_to_tokens([0, 1, 2]) == [PAD, EOS, UNKNOWN]


def test_padding_is_on_the_left(loaded: Any) -> None:
    batch = loaded(["1+2=", "7="], padding=True)
    assert batch.input_ids == [[4, 13, 5, 16], [0, 0, 10, 16]]
    assert batch.attention_mask == [[1, 1, 1, 1], [0, 0, 1, 1]]
