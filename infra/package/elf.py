"""Reads an ELF file: its processor, its sections, the libraries and the glibc that it needs. 64
bits, little-endian, like Lambda's.

The format: refspecs.linuxfoundation.org/elf/gabi4+, and the Linux Standard Base's "Symbol
Versioning" for .gnu.version_r.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

MACHINES = {62: "x86_64", 183: "arm64"}
DT_NEEDED = 1


@dataclass(frozen=True)
class Elf:
    machine: str
    # Bytes by section.
    sections: dict[str, int]
    libraries: frozenset[str]
    # The newest version of glibc that a symbol requires.
    glibc: tuple[int, ...]


class NotElf(Exception):
    """The file is not a program that Lambda could start."""


def read(path: Path) -> Elf:
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise NotElf(f"{path} is no 64-bit little-endian ELF file")
    (machine,) = struct.unpack_from("<H", data, 18)
    headers = _section_headers(data)
    contents = {name: data[offset : offset + size] for name, (kind, offset, size) in headers.items() if kind != 8}
    strings = contents.get(".dynstr", b"")
    return Elf(
        machine=MACHINES.get(machine, f"machine {machine}"),
        sections={name: size for name, (_, _, size) in headers.items()},
        libraries=frozenset(_needed(contents.get(".dynamic", b""), strings)),
        glibc=max(_glibc(contents.get(".gnu.version_r", b""), strings), default=(0,)),
    )


def _section_headers(data: bytes) -> dict[str, tuple[int, int, int]]:
    """Type, offset and size by name. Type 8 (NOBITS) has no bytes in the file."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, number, names = struct.unpack_from("<HHH", data, 58)
    rows = [struct.unpack_from("<IIQQQQ", data, start + index * size) for index in range(number)]
    texts = rows[names][4]
    return {_text(data, texts + name): (kind, offset, length) for name, kind, _, _, offset, length in rows}


def _needed(dynamic: bytes, strings: bytes):
    for tag, value in struct.iter_unpack("<QQ", dynamic):
        if tag == DT_NEEDED:
            yield _text(strings, value)


def _glibc(needs: bytes, strings: bytes):
    """The versions in .gnu.version_r: a chain of libraries, each with a chain of versions."""
    at = 0
    while needs:
        _, _, _, first, following = struct.unpack_from("<HHIII", needs, at)
        version = at + first
        while True:
            _, _, _, name, next_version = struct.unpack_from("<IHHII", needs, version)
            if found := re.fullmatch(r"GLIBC_(\d+(?:\.\d+)*)", _text(strings, name)):
                yield tuple(map(int, found[1].split(".")))
            if next_version == 0:
                break
            version += next_version
        if following == 0:
            return
        at += following


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
