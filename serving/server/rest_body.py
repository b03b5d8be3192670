"""The body of an HTTP request: with its length said, in chunks, or compressed by gzip."""

from __future__ import annotations

import zlib
from email.message import Message
from io import BufferedIOBase

from serving.server.faults import invalid

LARGEST_BODY = 1 << 30
# A compressed body of a megabyte may be a gigabyte; ModelServer has a limit there, too.
LARGEST_INFLATED = 100 << 20
_LONGEST_LINE = 1 << 16


def read_all(stream: BufferedIOBase, headers: Message[str, str]) -> bytes:
    """Reads the body of a POST.

    Args:
        stream: of the connection, after the headers.
        headers: of the request.

    Raises:
        Fault: INVALID_ARGUMENT: no length and no chunks, a body that is too large, or one that is not what its headers say.
    """
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        body = _chunks(stream)
    else:
        length = headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 20 or int(length) > LARGEST_BODY:
            raise invalid(f"a POST needs a Content-Length of 0 to {LARGEST_BODY}, or a chunked body; got {length[:40]!r}")
        body = stream.read(int(length))
    return _inflated(body) if "gzip" in headers.get("Content-Encoding", "").lower() else body


def _chunks(stream: BufferedIOBase) -> bytes:
    parts: list[bytes] = []
    total = 0
    while size := _size(stream):
        total += size
        if total > LARGEST_BODY:
            raise invalid(f"the chunks of the body have more than {LARGEST_BODY} bytes")
        parts.append(stream.read(size))
        if len(parts[-1]) < size or stream.readline(_LONGEST_LINE).strip():
            raise invalid(f"chunk {len(parts)} of the body does not have the {size} bytes that it announces")
    # Trailers say nothing to a model server.
    while stream.readline(_LONGEST_LINE).strip():
        pass
    return b"".join(parts)


def _size(stream: BufferedIOBase) -> int:
    line = stream.readline(_LONGEST_LINE).partition(b";")[0].strip()
    try:
        if not line.isalnum():
            raise ValueError
        return int(line[:20], 16)
    except ValueError:
        raise invalid(f"a chunk of the body begins with {line[:40]!r}; expected its size in hexadecimal digits") from None


def _inflated(body: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(body, LARGEST_INFLATED)
    except zlib.error as error:
        raise invalid(f"the body is not gzip: {error}") from None
    if stream.unconsumed_tail or not stream.eof:
        raise invalid(f"the gzip body is cut off, or has more than {LARGEST_INFLATED} bytes when decompressed")
    return inflated
