"""A task: questions, their prompt, and the verdict on a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from antigrad.core.errors import AntigradError
from antigrad.language.tasks.question import Question, Shot
from antigrad.language.tasks.verifiers import verifier
from antigrad.language.templates import chat_text

Style = Literal["raw", "chat"]


@dataclass(frozen=True)
class Task:
    r"""Questions, how they are put to a model, and how its responses are judged.

    Args:
        name: As the user gave it.
        questions: What is asked.
        verifier: Name of the verifier, see `antigrad.language.tasks.verifiers`.
        style: `raw`: one text to continue. `chat`: turns, through the tokenizer's chat template.
        shots: Worked examples, none of which is asked.
        template: How one example is written in raw style, with `{question}` and, after it, `{answer}`.
        separator: What stands between examples in raw style.
        stop: Text that ends an answer; None if only the end of the response does, as in chat style.

    Example:
        >>> task = Task("sums", (), "last_number", "raw", (("1 + 2 =", "3"),), "{question} {answer}", "\n", "\n")
        >>> task.prompt(Question(id="1", question="4 + 5 =", answer="9"), tokenizer=None)
        '1 + 2 = 3\n4 + 5 ='
    """

    name: str
    questions: tuple[Question, ...]
    verifier: str
    style: Style
    shots: tuple[Shot, ...]
    template: str
    separator: str
    stop: str | None

    def prompt(self, question: Question, tokenizer: Any) -> str:
        r"""Write the text a model is given.

        In raw style it ends without a space, because tokenizers of language models take the space
        before a word as part of the word; a system prompt stands before the first example.

        Args:
            question: What to ask.
            tokenizer: A `transformers` tokenizer; in raw style it is not used.

        Returns:
            The prompt. In chat style it holds the special tokens of the template already: encode it
            with `add_special_tokens=False`.

        Raises:
            AntigradError: The style is chat, and the tokenizer has no chat template or it refuses the turns.

        Example:
            >>> task = Task("t", (), "exact", "raw", (), "Q: {question}\nA: {answer}", "\n\n", None)
            >>> task.prompt(Question(id="1", question="Why?", answer="So."), tokenizer=None)
            'Q: Why?\nA:'
        """
        if self.style == "chat":
            return self._chat(question, tokenizer)
        start = self.template.partition("{answer}")[0].format(question=question.question).rstrip()
        shots = [self.template.format(question=asked, answer=answer) for asked, answer in self.shots]
        system = [question.system] if question.system else []
        return self.separator.join([*system, *shots, start])

    def messages(self, question: Question) -> list[dict[str, str]]:
        """Write the turns a chat model is given.

        Args:
            question: What to ask.

        Returns:
            Messages with role and content: the system prompt if there is one, worked examples, the question.

        Example:
            >>> task = Task("t", (), "exact", "chat", (), "{question} {answer}", "", None)
            >>> task.messages(Question(id="1", question="Why?", answer="So."))
            [{'role': 'user', 'content': 'Why?'}]
        """
        turns = [("system", question.system)] if question.system else []
        for asked, answer in self.shots:
            turns += [("user", asked), ("assistant", answer)]
        return [{"role": role, "content": text} for role, text in [*turns, ("user", question.question)]]

    def _chat(self, question: Question, tokenizer: Any) -> str:
        if not getattr(tokenizer, "chat_template", None):
            raise AntigradError(
                f"task {self.name!r} in chat style, and a tokenizer without a chat template",
                "a tokenizer with one",
                "choose style 'raw', or a model tuned for chat",
            )
        hint = "leave out the system prompt or the worked examples, or choose style 'raw'"
        return chat_text(tokenizer, self.messages(question), ask=True, hint=hint)

    def correct(self, response: str, question: Question) -> bool:
        r"""Judge a response.

        Args:
            response: What the model wrote after the prompt; what stands before the first `stop` counts.
            question: What it was asked.

        Returns:
            True if it is correct.

        Example:
            >>> task = Task("t", (), "last_number", "raw", (), "{question} {answer}", "\n", "\n")
            >>> question = Question(id="1", question="7 * 8 =", answer="56")
            >>> task.correct(" 56\n9 * 9 = 81", question), task.correct(" 54", question)
            (True, False)
        """
        if self.stop:
            response = response.partition(self.stop)[0]
        return verifier(self.verifier)(response, question)


@dataclass(frozen=True)
class Wish:
    """What is wanted of a source of questions.

    Args:
        count: Number of questions to ask.
        shots: Number of worked examples.
        seed: Decides which questions are drawn.
        style: The style they will be put in.
        verifier: Name of the verifier.
        accepts: Whether it accepts a question's own answer.
    """

    count: int
    shots: int
    seed: int
    style: Style
    verifier: str
    accepts: Callable[[Question], bool]


@dataclass(frozen=True)
class Source:
    """Where the questions of a task come from, and how it is put unless the user says otherwise.

    Args:
        draw: Gives the worked examples and the questions; none is in both, no question is there twice.
        verifier: Name of the verifier.
        style: See `Task`.
        shots: Number of worked examples.
        template: See `Task`.
        separator: See `Task`.
        stop: See `Task`; in raw style only.
    """

    draw: Callable[[Wish], tuple[tuple[Shot, ...], tuple[Question, ...]]]
    verifier: str
    style: Style
    shots: int = 0
    template: str = "Question: {question}\nAnswer: {answer}"
    separator: str = "\n\n"
    stop: str | None = "\n\n"
