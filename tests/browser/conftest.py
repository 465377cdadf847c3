"""A headless Chromium for every browser test; they are skipped, with the reason, where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A page, and what it complained about or asked for since it was opened."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running browser: ANTIGRAD_CHROMIUM, or the `chromium` on the path."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("ANTIGRAD_CHROMIUM") or shutil.which("chromium")
    if executable is None or not Path(executable).is_file():
        pytest.skip(f"no Chromium at {executable}: install it, or name it in ANTIGRAD_CHROMIUM")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_file(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """A function that opens a file in a fresh window; at the end nothing may have gone wrong in it."""
    contexts, windows = [], []

    def opener(path: Path, *, scheme: str = "light", width: int = 1280, height: int = 900, **options: Any) -> Opened:
        size: Any = {"width": width, "height": height}
        context = chromium.new_context(color_scheme=scheme, viewport=size, **options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        opened = Opened(page)
        page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.complaints.append(f"error: {error}"))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(path.as_uri())
        contexts.append(context)
        windows.append((path, opened))
        return opened

    yield opener
    for context in contexts:
        context.close()
    for path, opened in windows:
        assert opened.complaints == []
        assert {url for url in opened.requests if not url.startswith(("data:", "blob:"))} == {path.as_uri()}
