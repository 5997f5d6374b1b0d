"""The requirements for a binary that Lambda runs (runtime provided.al2023), and the table that
reports them."""

import io
import zipfile
from pathlib import Path

import elf

# Amazon Linux 2023 has glibc 2.34 and these libraries of it;
# docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html.
NEWEST_GLIBC = (2, 34)
GLIBC = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "ld-linux")
# Lambda's limit is 250 MB unpacked; the start-up time matters long before that. The largest binary
# has 14 MB.
MAX_BYTES = 20_000_000
# The class of Rust's exceptions (library/panic_unwind), which x86_64 code contains as a whole. A
# build that aborts has none.
EXCEPTION_CLASS = b"MOZ\0RUST"
# A build that aborts has only the landing pads of the standard library: 0.2 % of a function's code,
# while one that unwinds has 3 %.
MIN_LANDING_PADS = 0.01


def faults(path: Path, architecture: str) -> list[str]:
    """The problems of a binary, in words; empty if it may be deployed."""
    binary = elf.read(path)
    found = []
    if binary.machine != architecture:
        found.append(f"it is built for {binary.machine}, not for {architecture}")
    if binary.glibc > NEWEST_GLIBC:
        found.append(f"it needs glibc {_dotted(binary.glibc)}; Lambda has {_dotted(NEWEST_GLIBC)}")
    if strange := sorted(name for name in binary.libraries if not name.startswith(GLIBC)):
        found.append(f"it needs {', '.join(strange)}, which Lambda's runtime may not have")
    if not unwinds(path, binary):
        found.append('a panic would end the process: build with panic = "unwind"')
    if path.stat().st_size > MAX_BYTES:
        found.append(f"it has {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")
    return found


def unwinds(path: Path, binary: elf.Elf) -> bool:
    """Whether a panic in it can be caught, as far as the file shows. tests/packaged runs a
    function that panics."""
    if not binary.sections.get(".eh_frame") or _landing_pads(binary) < MIN_LANDING_PADS:
        return False
    return binary.machine != "x86_64" or EXCEPTION_CLASS in path.read_bytes()


def report(binaries: dict[str, Path], architecture: str) -> list[str]:
    """Prints a row for each binary. Returns the problems, a line each."""
    wrong = []
    print(f"  {'function':12}{'for':8}{'glibc':>6}{'unwinds':>9}{'landing pads':>14}{'binary':>10}{'zip':>9}")
    for name, path in sorted(binaries.items()):
        try:
            wrong += [f"{name}: {fault}" for fault in faults(path, architecture)]
            binary = elf.read(path)
        except (elf.NotElf, OSError) as error:
            wrong.append(f"{name}: {error}")
            continue
        told = "yes" if unwinds(path, binary) else "NO"
        sizes = f"{path.stat().st_size / 1e6:>7.1f} MB{_zipped(path) / 1e6:>6.1f} MB"
        print(f"  {name:12}{binary.machine:8}{_dotted(binary.glibc):>6}{told:>9}{_landing_pads(binary):>13.1%} {sizes}")
    return wrong


def _landing_pads(binary: elf.Elf) -> float:
    """Their share of the code."""
    return binary.sections.get(".gcc_except_table", 0) / max(binary.sections.get(".text", 0), 1)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _zipped(path: Path) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "bootstrap")
    return len(packed.getvalue())
