"""Reads the one thing that nearly every file of ready-made frames holds: a matrix as torch.save writes it.

The file is a zip archive of uncompressed records: data.pkl says how the matrix lies in a storage, data/<key> is that
storage (PyTorch's notes on serialization describe it). A data.pkl of exactly the usual form is read as the text that it
is; nothing is unpickled, and it takes a fifth of the time of torch.load. Whatever has another form is left to
`ready_frames.py`.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile

import numpy as np
from numpy.typing import NDArray

NOWHERE = (0, 0)
STORAGES: dict[bytes, np.dtype[np.floating]] = {
    b"Float": np.dtype("<f4"),
    b"Double": np.dtype("<f8"),
    b"Half": np.dtype("<f2"),
}

# Pickle protocol 2: a whole number is K and one byte, M and two, or J and four; text is X, its length and itself.
_NUMBER = rb"(K.|M..|J...[\x00-\x7f])"
_MATRIX = re.compile(
    rb"\x80\x02ctorch\._utils\n_rebuild_tensor_v2\nq\x00"
    rb"\(\(X\x07\x00{3}storageq\x01"
    rb"ctorch\n(?P<storage>Float|Double|Half)Storage\nq\x02"
    rb"X.\x00{3}(?P<key>\d+)q\x03"
    rb"X.\x00{3}[a-z]+(?::\d+)?q\x04" + _NUMBER + rb"tq\x05Q"  # the device it was on, and numbers in the storage
    + _NUMBER + _NUMBER + _NUMBER + rb"\x86q\x06"  # where the matrix begins in it, rows, columns
    + _NUMBER + _NUMBER + rb"\x86q\x07"  # steps to the next row and to the next column
    rb"[\x88\x89]ccollections\nOrderedDict\nq\x08\)Rq\ttq\nRq\x0b\.",
    re.DOTALL,
)  # fmt: skip

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a record in a zip archive; the lengths of its name and its extra field


class PackedRecords(Exception):
    """A record is compressed, which torch.save never does: it could unpack to any size."""


def read_matrix(content: bytearray) -> NDArray[np.floating] | None:
    """The matrix that a file's content holds, (rows, columns), as a view of it; None when it has another form.

    Raises `PackedRecords`, and `zipfile.BadZipFile` for an archive that is damaged.
    """
    if not content.startswith(b"PK\x03\x04"):
        return None
    records = _records(content)
    text = _MATRIX.fullmatch(content, *records.get("data.pkl", NOWHERE))
    byte_order = bytes(content[slice(*records.get("byteorder", NOWHERE))])  # older versions of torch don't write it
    if text is None or byte_order not in (b"", b"little"):
        return None
    kind = STORAGES[bytes(text["storage"])]
    _, first, rows, columns, row_step, column_step = (
        int.from_bytes(number[1:], "little") for number in text.groups()[2:]
    )
    begin, end = records.get(f"data/{text['key'].decode()}", NOWHERE)
    begin += first * kind.itemsize
    if (row_step, column_step) != (columns, 1) or begin + rows * columns * kind.itemsize > end:
        return None
    matrix: NDArray[np.floating] = np.frombuffer(content, kind, rows * columns, begin).reshape(rows, columns)
    return matrix


def _records(content: bytearray) -> dict[str, tuple[int, int]]:
    """Where each record's content begins and ends, by its name inside the archive's one folder."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for record in archive.infolist():
            if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size:
                raise PackedRecords
            if record.header_offset + _LOCAL_HEADER.size > len(content):
                raise zipfile.BadZipFile("a record lies outside the file")
            begin = record.header_offset + _LOCAL_HEADER.size
            begin += sum(_LOCAL_HEADER.unpack_from(content, record.header_offset))
            found[record.filename.partition("/")[2]] = (begin, begin + record.file_size)
    return found
