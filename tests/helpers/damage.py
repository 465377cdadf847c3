"""Ways in which a file or folder may be damaged on disk."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_byte_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def first_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 0x01
    path.write_bytes(content)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def missing(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    """To the same content, outside of the folder."""
    target = path.parent.parent / f"outside-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def looping(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    """A read of it would never come back."""
    path.unlink()
    os.mkfifo(path)


def swapped(path: Path) -> None:
    """The content of another file."""
    path.write_bytes(b"PK\x03\x04" + b"not what was written")


def texts(content: str | bytes) -> Damage:
    def damage(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return damage


def whole_folder_missing(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def whole_folder_a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


def whole_folder_a_link(path: Path) -> None:
    target = path.parent.parent / f"outside-{path.name}"
    path.rename(target)
    path.symlink_to(target)


OF_FILES: dict[str, Damage] = {
    "truncated": truncated,
    "one byte short": one_byte_short,
    "emptied": emptied,
    "bit flipped": flipped,
    "first bit flipped": first_flipped,
    "zeroed": zeroed,
    "longer": longer,
    "missing": missing,
    "a folder": folder,
    "a link": link,
    "a dangling link": dangling,
    "a link to itself": looping,
    "a pipe": pipe,
    "another file": swapped,
}
"""Of any file of a checkpoint."""

OF_JSON: dict[str, Damage] = {
    "not JSON": texts('{"files": {'),
    "nested 100,000 deep": texts("[" * 100_000),
    "a list": texts("[1]"),
    "a number of 6,000 digits": texts('{"files": ' + "9" * 6000 + "}"),
    "not UTF-8": texts(b'{"files": {"\xff\xfe": {}}}'),
    "no files": texts('{"files": {}}'),
    "entries that are none": texts('{"files": {"weights": 3}}'),
    "a name that leads out": texts('{"files": {"../outside": {"size": 1, "sha256": "a"}}}'),
    "an absolute name": texts('{"files": {"/etc/passwd": {"size": 1, "sha256": "a"}}}'),
    "a name with NUL": texts('{"files": {"a\\u0000b": {"size": 1, "sha256": "a"}}}'),
    "a name of 5,000 letters": texts('{"files": {"' + "a" * 5000 + '": {"size": 1, "sha256": "a"}}}'),
}
"""Of the manifest alone, beside those of any file."""

OF_FOLDERS: dict[str, Damage] = {
    "an empty folder": whole_folder_missing,
    "a file for the folder": whole_folder_a_file,
    "a link for the folder": whole_folder_a_link,
}
"""Of the checkpoint as a whole."""
