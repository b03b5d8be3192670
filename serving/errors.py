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

    @property
    def passing(self) -> bool:
        """Whether the server did nothing with the call and may take it a moment later, so that it is safe to try again."""
        return self.code == grpc.StatusCode.UNAVAILABLE


class ServerUnavailableError(ServingError):
    """Nobody answers at the address, or the server refuses work for now."""


class ServerBusyError(ServerUnavailableError):
    """The server has no thread, or no room in a queue, for another call now."""

    @property
    def passing(self) -> bool:
        return True


class ServerSettingsError(ServingError):
    """The server's batching can't join or hold such calls: its settings are to be changed, not the request or the model."""


class DeadlineError(ServingError):
    """No answer came before the deadline."""


class ModelNotFoundError(ServingError):
    """The server has no such model or version."""


class BadRequestError(ServingError):
    """The server read the request and refuses it."""


class LabelNotFoundError(BadRequestError):
    """The model has no such label on the server."""


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
# What ModelServer's batching and thread pool answer, by words of theirs: the code alone says something else.
_SETTINGS = (
    ("unrecognized servable version label", LabelNotFoundError,
     "`zoo fleet status` says which labels the servers have, and `zoo fleet apply` brings them to what the state file says"),
    ("padding is turned off", ServerSettingsError,
     "the server joins requests of unequal lengths: set pad_variable_length_inputs: true in its "
     "--batching_parameters_file, or turn its batching off"),
    ("is larger than maximum", ServerSettingsError,
     "the call has more requests than a batch of the server: raise max_batch_size (and the largest of allowed_batch_sizes) "
     "in its --batching_parameters_file, or give the client a smaller max_batch"),
    ("equal 0th-dimension size", ServerSettingsError,
     "this signature's inputs have no common number of rows, so it can't be batched: serve the model without "
     "--enable_batching, or with batching parameters of its own"),
    ("threadpool exhausted", ServerBusyError,
     "more calls at once than the server has threads: raise its --grpc_max_threads, or send from fewer clients at once"),
    ("batch scheduling queue", ServerBusyError,
     "more calls wait than the server's batching holds: raise max_enqueued_batches or num_batch_threads in its "
     "--batching_parameters_file, or add a replica"),
)
_SETTINGS_CODES = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.RESOURCE_EXHAUSTED,
                   grpc.StatusCode.UNAVAILABLE}


def serving_error(error: grpc.RpcError, where: str) -> ServingError:
    """Turns a gRPC error into one that says what to do.

    Args:
        error: what the call raised.
        where: the call in words, such as `localhost:8500, model 'din', signature 'rank'`.

    Returns:
        The subclass of `ServingError` for what ModelServer's batching or thread pool says, or else for the status code.
    """
    code, details = error.code(), error.details() or ""
    kind, remedy = _REMEDIES.get(code, (ServerFailureError, "the server's log says more"))
    for words, its_kind, its_remedy in _SETTINGS if code in _SETTINGS_CODES else ():
        if words in details.lower():
            kind, remedy = its_kind, its_remedy
            break
    return kind(f"{where}: {code.name}: {details.rstrip('.')}; {remedy}", code, details)
