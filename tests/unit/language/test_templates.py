"""Chat templates are a stranger's programs: they run under bounds, and end in one class of error."""

import sys
from typing import Any

import pytest

from antigrad.language import templates
from antigrad.language.templates import TemplateError, chat_text
from helpers.models import make_tokenizer

TURNS = [{"role": "user", "content": "1 + 1"}]
LOOP = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3


def written(template: Any, **options: Any) -> str:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = template
    return chat_text(tokenizer, TURNS, ask=True, hint="write text", **options)


def test_a_template_writes_as_transformers_does() -> None:
    tokenizer = make_tokenizer()
    theirs = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    assert chat_text(tokenizer, TURNS, ask=True, hint="") == theirs == "1 + 1\nA:"
    assert chat_text(tokenizer, TURNS, ask=False, hint="") == "1 + 1\n"
    assert written("{{ thinking }}", thinking="on", tokenize=True) == "on"


@pytest.mark.parametrize(
    "template",
    [
        "{% for %}",
        "{{ raise_exception('no system turns') }}",
        "{{ messages[99].a.b }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ '\\ud800' }}",
        "{{ 1 / 0 }}",
        7,
    ],
)
def test_every_fault_of_a_template_is_one_class(template: Any) -> None:
    with pytest.raises(TemplateError, match=r"the chat template refused \['user'\].*write text"):
        written(template)


def test_loops_without_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "SECONDS", 0.1)
    with pytest.raises(TemplateError, match=r"more than 0\.1 seconds"):
        written(LOOP)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux")
@pytest.mark.parametrize(
    "template", ["{{ 'x' * 10000000000 }}", LOOP.replace("%}{% end", "%}{{ 'x' * 999999 }}{% end")]
)
def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    monkeypatch.setattr(templates, "MEMORY", 1 << 28)
    with pytest.raises(TemplateError, match=r"MemoryError|seconds"):
        written(template)


def test_a_text_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "LONGEST", 10)
    with pytest.raises(TemplateError, match="more than 10 characters"):
        written("{{ 'x' * 11 }}")
