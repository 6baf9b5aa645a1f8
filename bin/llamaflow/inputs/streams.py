"""The bytes of an input file: decompression that notices a cut file, and one pass that finds what makes it unreadable."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import zstandard

from ..errors import BadInputError
from ..files import sha256_file
from .files import SourceFile

CHUNK = 1 << 20
BOM = codecs.BOM_UTF8
# A frame may open with one of 16 'skippable' magic numbers (pzstd does that).
ZSTD_MAGIC = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16)))
Compression = Literal["none", "gzip", "zstd"]


class ZstdReader(io.RawIOBase):
    """Decompress all frames of a zstd file. zstandard.open stops at the first frame and takes a cut file for a whole one."""

    # Small on purpose: what one call returns is not bounded, and zstd packs runs of one byte about 30 000 to 1.
    INPUT = 8192

    def __init__(self, raw: IO[bytes]):
        self._raw, self._input, self._output, self._at = raw, b"", b"", 0
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:
        """Raises EOFError on a cut file, zstandard.ZstdError on a damaged one."""
        while self._at >= len(self._output):
            if not self._input and not (data := self._raw.read(self.INPUT)):
                if self._frame is not None:
                    raise EOFError("the zstd frame ends early")
                return 0
            self._input = self._input or data
            self._frame = self._frame or zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()
            self._output, self._at = self._frame.decompress(self._input), 0
            if self._frame.eof:
                self._input, self._frame = self._frame.unused_data, None
            else:
                self._input = b""
        part = self._output[self._at : self._at + len(target)]
        target[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._raw.close()
        super().close()


def compression_of(path: Path) -> Compression:
    """By the first bytes: a name may lie (browsers unpack .gz on download)."""
    with path.open("rb") as stream:
        head = stream.read(4)
    return "gzip" if head.startswith(b"\x1f\x8b") else "zstd" if head in ZSTD_MAGIC else "none"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading its decompressed bytes."""
    compression = compression_of(path)
    if compression == "gzip":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if compression == "zstd":
        return io.BufferedReader(ZstdReader(path.open("rb")), CHUNK)
    return path.open("rb")


def open_text(path: Path) -> IO[str]:
    """Open a file as UTF-8 text without its byte order mark and without touching its line ends."""
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline="")


@contextlib.contextmanager
def explained(file: SourceFile) -> Iterator[None]:
    """Turn what goes wrong while a file is read into a BadInputError that names it."""
    try:
        yield
    except EOFError:
        raise BadInputError(
            "the compressed file is cut short", where=file.name, why="it ends before its end mark", fix="copy or download it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError):
        raise BadInputError(
            "the compressed file is damaged", where=file.name, why="its data or checksum is wrong", fix="copy or download it again"
        ) from None
    except PermissionError:
        raise BadInputError("no permission to read", where=file.name, fix="give the user that runs the pipeline read access") from None
    except UnicodeDecodeError:
        raise BadInputError("not valid UTF-8", where=file.name, fix="save the file as UTF-8") from None
    except OSError as error:
        raise BadInputError("cannot be read", where=file.name, why=error.strerror or type(error).__name__, fix="check the disk") from None


@dataclass(frozen=True, slots=True)
class Checked:
    """What one pass over a file told. bytes: as stored; decoded: after decompression; lines: line feeds."""

    compression: Compression
    bytes: int
    sha256: str
    decoded: int
    lines: int
    head: bytes


def check_bytes(file: SourceFile) -> Checked:
    """Read a whole file once. Raises BadInputError when it is empty, cut, damaged, binary or not UTF-8."""
    with explained(file):
        compression, decoded, lines, blank, head = compression_of(file.path), 0, 0, True, b""
        decoder = codecs.getincrementaldecoder("utf-8")()
        binary = file.kind == "parquet"
        with open_bytes(file.path) as stream:
            while chunk := stream.read(CHUNK):
                if not decoded:
                    head = chunk[:65536]
                    binary = binary or head.startswith(b"PAR1")
                    if not binary:
                        _refuse_binary(file, head)
                blank = blank and not (chunk if decoded else chunk.removeprefix(BOM)).strip()
                if not binary:
                    _decode(file, decoder, chunk, decoded, lines)
                lines += chunk.count(b"\n")
                decoded += len(chunk)
        if not binary and decoded:
            _decode(file, decoder, b"", decoded, lines)
        if blank:
            raise BadInputError("the file is empty", where=file.name, fix="leave it out or fill it")
        return Checked(compression, file.path.stat().st_size, sha256_file(file.path), decoded, lines, head)


def _refuse_binary(file: SourceFile, head: bytes) -> None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInputError("the text is UTF-16", where=file.name, fix="save it as UTF-8 (in Excel: 'CSV UTF-8')")
    if head.startswith(b"PK\x03\x04"):
        raise BadInputError("a zip archive or a spreadsheet", where=file.name, fix="unpack it, or export the sheet as CSV UTF-8")
    if b"\0" in head:
        raise BadInputError(
            "binary data, not text", where=file.name, why=f"byte {head.index(0)} is NUL", fix="give JSON, JSONL, CSV, TSV, Parquet or text"
        )


def _decode(file: SourceFile, decoder: codecs.IncrementalDecoder, chunk: bytes, before: int, lines: int) -> None:
    pending = decoder.getstate()[0]
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        offset = before - len(pending) + error.start
        line = lines + 1 + chunk[: max(0, error.start - len(pending))].count(b"\n")
        raise BadInputError(
            "not valid UTF-8", where=f"{file.name}:{line}", why=f"byte {offset} of the text ({error.reason})",
            fix="save the file as UTF-8, e.g. iconv -f latin1 -t utf-8",
        ) from None  # fmt: skip
