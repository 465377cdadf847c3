"""The folder of a run: what was asked, with what versions, what came out, and how to resume."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import yaml

from antigrad.core.environment import environment
from antigrad.core.errors import AntigradError, InputValueError, did_you_mean
from antigrad.core.files import check_folder, disk_errors, inside, is_file, write_atomic
from antigrad.core.html import figures_table
from antigrad.core.ledger import Ledger, from_json, to_json
from antigrad.core.locks import LOCK, OWNER, PARTIAL, FolderLock, clear_leftovers
from antigrad.core.yaml_text import load_yaml


class RunFolder:
    """A run on disk: `run.yaml`, `ledger.jsonl`, `summary.json`, `artifacts/`, `report.html`.

    Use `RunFolder.start` in a job and `RunFolder.open` to read a run.

    Args:
        path: The folder.

    Example:
        >>> import tempfile
        >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="demo", config={"seed": 1})
        >>> run.ledger.append({"kind": "step", "loss": 1.0})
        >>> RunFolder.open(run.path).ledger.rows()[0]["loss"]
        1.0
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.ledger = Ledger(self.path / "ledger.jsonl")
        self._lock: FolderLock | None = None
        self._begun: str = ""  # what was there before this object began the run: `nothing` or `an empty folder`

    @classmethod
    def start(cls, path: Path, *, job: str, config: Any, resume: bool = False, free: Iterable[str] = ()) -> RunFolder:
        """Make a new run, or resume one that was interrupted.

        Args:
            path: The folder; made with its parents.
            job: Name of the job, for example `diagnose`.
            config: A dataclass or mapping of everything that determines the result.
            resume: Resume the run in `path` if there is one.
            free: Keys that may differ on resume (where to write, how to show).

        Returns:
            The run.

        Raises:
            AntigradError: The folder already has a run and `resume` is off, or it has a run of another
                job or configuration, or it can't be written.
        """
        run, settings = cls(Path(path)), _plain(config)
        record = run.path / "run.yaml"
        with disk_errors(run.path):
            run.check_place(resume=resume)
            before = "an empty folder" if run.path.exists() else "nothing"
            run.path.mkdir(parents=True, exist_ok=True)
            run._hold()
            run.check_place(resume=resume)  # again: another process may have been faster
            run._check_links()
            clear_leftovers(run.path)
        if record.exists():
            run._check_same(job, settings, set(free))
            if (run.path / "summary.json").exists():
                run.release()  # a run with a summary is done
            return run
        facts = {
            "job": job,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "config": settings,
            **environment(job),
        }
        write_atomic(record, yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))
        run._begun = before
        return run

    def discard(self) -> None:
        """Leave the place as it was before this object began the run, when something was refused only then.

        A run that was there before is left as it is.
        """
        if not self._begun:
            return
        self.release()
        for item in self.path.iterdir() if self.path.is_dir() else ():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        if self._begun == "nothing" and self.path.is_dir():
            self.path.rmdir()
        self._begun = ""

    @contextmanager
    def refusals(self) -> Generator[None]:
        """Leave no run behind where what was asked for is refused before there is a result: `discard`, then the error.

        Yields:
            Nothing; compute inside.

        Raises:
            AntigradError: As it was raised inside.
        """
        try:
            yield
        except AntigradError:
            kept = any(self.path.glob("checkpoints/checkpoint-*"))
            if self._begun and not kept and all(row.get("kind") in NOTES for row in self.ledger.stream()):
                with suppress(OSError):  # of a disk that has become read-only: the error is the one above
                    self.discard()
            raise

    def check_place(self, *, resume: bool) -> None:
        """Check that a run may be here, before the work that it is to hold.

        Args:
            resume: Whether one may be here already.

        Raises:
            AntigradError: There is a run and `resume` is off, there is something else, or nothing can be written.
        """
        check_folder(self.path)
        # A run killed before its run.yaml was there leaves a lock and the temporary file of `write_atomic`.
        if (self.path / "run.yaml").exists():
            if not resume:
                raise AntigradError(
                    f"{self.path} already has a run", "a new folder", "add --resume, or choose another --output"
                )
        elif self.path.exists() and any(not _ours(item.name) for item in self.path.iterdir()):
            raise AntigradError(f"{self.path} is not empty and is no run", "a new folder", "choose another --output")

    def _check_links(self) -> None:
        # A link would lead what the job writes out of its folder.
        home = self.path.resolve()
        outside = [item.name for item in self.path.iterdir() if not item.resolve().is_relative_to(home)]
        if outside:
            raise InputValueError(
                f"{self.path}: {', '.join(sorted(outside)[:5])} leads out of the folder",
                "a run folder without links to elsewhere",
                "replace the link by what it leads to",
            )

    def _hold(self) -> None:
        # One process of a distributed job speaks for all.
        if int(os.environ.get("RANK", "0")) == 0:
            self._lock = FolderLock(self.path)

    def release(self) -> None:
        """Give the folder up before this object goes: another process may resume it then."""
        if self._lock is not None:
            self._lock.release()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a run to read it.

        Args:
            path: The folder.

        Returns:
            The run.

        Raises:
            InputValueError: There is no run in that folder.
        """
        if not is_file(Path(path) / "run.yaml"):
            raise InputValueError(f"{path}", "a run folder (with run.yaml)", "give the --output folder of a job")
        return cls(Path(path))

    @property
    def facts(self) -> dict[str, Any]:
        """What `run.yaml` says: job, start, config, versions, git hash, platform.

        Raises:
            InputValueError: The file is damaged.
        """
        path = self.path / "run.yaml"
        try:
            facts = load_yaml(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise InputValueError(f"{path}: {error}", "the YAML this program wrote", "restore the file") from error
        if not isinstance(facts, dict) or not isinstance(cast(Any, facts).get("config"), dict):
            raise InputValueError(f"{path}", "a mapping with `config`", "restore the file")
        return cast(dict[str, Any], facts)

    def artifact(self, name: str) -> Path:
        """Path of an artifact; no way leads out of the folder.

        Args:
            name: Relative name below `artifacts/`.

        Returns:
            The path; write it with `write_atomic`.

        Raises:
            InputValueError: The name, or a link in the place of `artifacts/`, leads out of the folder.
        """
        path = inside(self.path / "artifacts", name)
        if not path.is_relative_to(self.path.resolve()):
            raise InputValueError(f"{self.path / 'artifacts'}", "a folder of this run, not a link", "remove the link")
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """Write an artifact as strict JSON, whole or not at all.

        Args:
            name: Relative name below `artifacts/`.
            value: See `to_json`.

        Returns:
            The path.
        """
        return write_atomic(self.artifact(name), json.dumps(to_json(value), ensure_ascii=False, allow_nan=False))

    def read_json(self, name: str) -> Any:
        """Read an artifact back.

        Args:
            name: Relative name below `artifacts/`.

        Returns:
            The value.

        Raises:
            InputValueError: It is not there, or not JSON.
        """
        path = self.artifact(name)
        try:
            return from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            raise InputValueError(
                f"{path}: {error}", "an artifact of this run", "finish the run with --resume"
            ) from error

    def write_summary(self, figures: Mapping[str, float | int | str | None]) -> Path:
        """Write the headline figures, flat and machine-readable.

        Args:
            figures: Name and figure.

        Returns:
            The path of `summary.json`.

        Raises:
            InputValueError: A figure is nested.
        """
        flat = to_json(figures)
        nested = [key for key, value in flat.items() if isinstance(value, dict | list)]
        if nested:
            raise InputValueError(f"nested summary figures {nested}", "a flat mapping", "give each figure its own name")
        text = json.dumps(flat, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        path = write_atomic(self.path / "summary.json", text)
        self.release()  # a run with a summary is done
        return path

    @property
    def summary(self) -> dict[str, Any]:
        """The headline figures; empty while the run is not finished.

        Raises:
            InputValueError: The file is damaged.
        """
        path = self.path / "summary.json"
        if not path.exists():
            return {}
        try:
            figures = from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            raise InputValueError(
                f"{path}: {error}", "the JSON this program wrote", "remove it, then use --resume"
            ) from error
        if not isinstance(figures, dict) or any(isinstance(one, dict | list) for one in figures.values()):
            raise InputValueError(f"{path}", "a flat mapping of figures", "remove it, then use --resume")
        return cast(dict[str, Any], figures)

    def to_pandas(self, kind: str | None = None) -> Any:
        """Read the rows of a kind as a table.

        Args:
            kind: Kind of row, for example `update`; all when None.

        Returns:
            A `pandas.DataFrame`, a row each; what is nested stays a Python object.

        Raises:
            AntigradError: pandas is not installed.
            InputValueError: There are rows, but none of this kind.

        Example:
            >>> import tempfile
            >>> run = RunFolder.start(Path(tempfile.mkdtemp()) / "r", job="demo", config={})
            >>> run.ledger.append({"kind": "update", "arm": "none", "delta": -0.5})
            >>> run.to_pandas("update")["delta"].tolist()
            [-0.5]
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise AntigradError("a table without pandas", "the package pandas", "pip install pandas") from error
        rows = [{**row} for row in self.ledger.stream(kind)]
        if kind is not None and not rows:
            known = sorted({str(row.get("kind")) for row in self.ledger.stream()})
            if known:
                raise InputValueError(f"{self.path} without rows {kind!r}", "a kind of row", did_you_mean(kind, known))
        return pandas.DataFrame.from_records(rows)

    def to_parquet(self, kind: str | None = None, path: Path | str | None = None) -> list[Path]:
        """Write the rows as Parquet, one file per kind; see `write_tables`.

        Args:
            kind: Kind of row; all when None.
            path: Where rows of one kind go; None for `artifacts/tables/KIND.parquet`.

        Returns:
            The files.
        """
        from antigrad.core.tables import write_tables

        return write_tables(self, kind, None if path is None else Path(path))

    def _repr_html_(self) -> str:
        facts, page = self.facts, self.path / "report.html"
        state = self.summary or {"state": "not finished"}
        link = page.resolve().as_uri() if page.is_file() else ""
        return figures_table(f"antigrad {facts.get('job', '')}: {self.path}", state, link=link)

    def _check_same(self, job: str, settings: dict[str, Any], free: set[str]) -> None:
        facts = self.facts
        if facts.get("job") != job:
            raise InputValueError(
                f"{self.path} is a run of {facts.get('job')!r}", f"a run of {job!r}", "choose another --output"
            )
        old, keys = facts["config"], sorted((set(facts["config"]) | set(settings)) - free)
        changed = [
            f"{key}: {old.get(key)!r} then, {settings.get(key)!r} now"
            for key in keys
            if old.get(key) != settings.get(key)
        ]
        if changed:
            raise InputValueError(
                f"--resume with another configuration ({'; '.join(changed)})",
                "the one in run.yaml",
                "choose another --output",
            )


NOTES = ("setup", "damaged", "left out", "refused", "piece")
"""Kinds of rows that are no result."""


def _ours(name: str) -> bool:
    return name in (LOCK, OWNER) or (name.startswith(".") and (name.endswith(PARTIAL) or name.startswith(".run.yaml.")))


def _plain(config: Any) -> dict[str, Any]:
    """Write settings as YAML would read them back, so that comparing them is comparing what was asked.

    Args:
        config: A dataclass or mapping.

    Returns:
        Plain values.
    """
    settings = asdict(cast(Any, config)) if is_dataclass(config) else dict(config)
    return yaml.safe_load(yaml.safe_dump(from_json(to_json({key: _paths(value) for key, value in settings.items()}))))


def _paths(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _paths(item) for key, item in cast(dict[Any, Any], value).items()}
    return [_paths(item) for item in cast(list[Any], value)] if isinstance(value, list | tuple) else value
