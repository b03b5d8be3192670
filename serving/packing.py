"""Which candidates of which requests share a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zoo.data.request import Request


@dataclass(frozen=True)
class Piece:
    """Some consecutive candidates of the request number `index`, from number `start`: one row of a call."""

    index: int
    request: Request
    start: int


def packed(requests: Sequence[Request], max_candidates: int, max_call_candidates: int,
           max_batch: int) -> Iterator[list[Piece]]:
    """Cuts requests into rows, and packs the rows into calls.

    Args:
        requests: in the order in which they are sent.
        max_candidates: of a row.
        max_call_candidates: of a call, padding included: rows times the longest.
        max_batch: rows of a call.

    Yields:
        The rows of each call.
    """
    pieces: list[Piece] = []
    widest = 0
    for index, request in enumerate(requests):
        for start in range(0, request.candidate_count, max_candidates):
            piece = Piece(index, _slice(request, start, start + max_candidates), start)
            count = piece.request.candidate_count
            full = (len(pieces) + 1) * max(widest, count) > max_call_candidates
            if pieces and (full or len(pieces) == max_batch):
                yield pieces
                pieces, widest = [], 0
            pieces.append(piece)
            widest = max(widest, count)
    if pieces:
        yield pieces


def _slice(request: Request, start: int, stop: int) -> Request:
    candidates = {name: values[start:stop] for name, values in request.candidates.items()}
    return Request(request.request_id, request.time, request.features, request.sequences, candidates)
