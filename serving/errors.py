"""Errors of a ranking call: each says what failed, where, and what to do."""

from __future__ import annotations

import grpc


class ServingError(ValueError):
    """A call to a model server that gave no answer.

    Args:
        message: what happened, where, and what to do.
        code: the gRPC status code, None where no call was made.
        details: what the server said, word by word.
    """

    def __init__(self, message: str, code: grpc.StatusCode | None = None, details: str = ""):
        super().__init__(message)
        self.code, self.details = code, details


class ServerUnavailableError(ServingError):
    """Nobody answers at the address, or the server refuses work for now."""


class DeadlineError(ServingError):
    """No answer came before the deadline."""


class ModelNotFoundError(ServingError):
    """The server has no such model or version."""


class BadRequestError(ServingError):
    """The server read the request and refuses it."""


class SignatureError(ServingError):
    """The model has no such signature."""


class ServerFailureError(ServingError):
    """The server failed while it answered."""


_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: (
        ServerUnavailableError, "is the server running, and is this its gRPC port (not the REST port)?"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        DeadlineError, "raise deadline_s, send fewer candidates a call, or look at the server's load"),
    grpc.StatusCode.NOT_FOUND: (
        ModelNotFoundError, "check the model's name and version; model_status() lists what is loaded"),
    grpc.StatusCode.INVALID_ARGUMENT: (
        BadRequestError, "check that the schema is the one the model was exported with "
                         "(assets.extra/schema.yaml in its folder)"),
    grpc.StatusCode.FAILED_PRECONDITION: (
        SignatureError, "export the model again with this version of the zoo, or name a signature that it has"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        ServerUnavailableError, "the server is at a limit of memory, threads or message size; send less at once"),
}


def serving_error(error: grpc.RpcError, where: str) -> ServingError:
    """Turns a gRPC error into one that says what to do.

    Args:
        error: what the call raised.
        where: the call in words, such as `localhost:8500, model 'din', signature 'rank'`.

    Returns:
        The subclass of `ServingError` for the status code.
    """
    code, details = error.code(), error.details() or ""
    kind, remedy = _REMEDIES.get(code, (ServerFailureError, "the server's log says more"))
    return kind(f"{where}: {code.name}: {details.rstrip('.')}; {remedy}", code, details)
