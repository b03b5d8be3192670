"""What a model is asked of a request: all its columns, or of candidates their ids alone."""

from __future__ import annotations

from dataclasses import replace

from zoo.config import nearest
from zoo.data.request import Request, RequestError, check_request
from zoo.schema import Schema


def asked_columns(schema: Schema, by_id: bool) -> Schema:
    """The schema of what is sent.

    Args:
        schema: of the model.
        by_id: whether the model keeps the items itself.
    """
    return schema.by_id() if by_id else schema


def asked(schema: Schema, request: Request, by_id: bool) -> Request:
    """A request that fits, without what is not sent.

    Args:
        schema: of the model.
        request: with all columns; where candidates are named alone, their other features may be there or not.
        by_id: whether the model keeps the items itself.

    Raises:
        RequestError: it does not fit the schema.
    """
    sent, columns = request, asked_columns(schema, by_id)
    if by_id:
        known = {name for feature in schema.candidates for name in (feature.name, feature.weight)}
        for name in request.candidates:
            if name not in known:
                raise RequestError(f"request {request.request_id!r}: unknown candidate feature {name!r}{nearest(name, known)}")
        names = {feature.name for feature in columns.candidates}
        sent = replace(request, candidates={name: values for name, values in request.candidates.items() if name in names})
    check_request(columns, sent, labelled=False)
    return sent
