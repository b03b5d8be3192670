"""Faults of a call, with the status codes of ModelServer 2.16."""

from __future__ import annotations

import re
from http import HTTPStatus

import grpc

_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.ABORTED: HTTPStatus.CONFLICT,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
}
# gRPC sends a message in a header, and a header above 8 KiB fails the call with another error.
_LONGEST_MESSAGE = 2000


class Fault(ValueError):
    """A call that can't be answered; goes to the caller as a status code and a message.

    Args:
        code: the gRPC status code.
        message: what was wrong, and what was expected.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        message = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + " …"
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def number(self) -> int:
        """The code as a number, the same in gRPC and TensorFlow."""
        return self.code.value[0]

    @property
    def http_status(self) -> HTTPStatus:
        return _HTTP.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def invalid(message: str) -> Fault:
    """A fault of the caller's: the request is wrong."""
    return Fault(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> Fault:
    """A fault of the caller's: no such model or version."""
    return Fault(grpc.StatusCode.NOT_FOUND, message)


def precondition(message: str) -> Fault:
    """A fault of the server's present state."""
    return Fault(grpc.StatusCode.FAILED_PRECONDITION, message)


def fault_of(error: BaseException) -> Fault:
    """The fault for any exception: TensorFlow errors keep their code, the unforeseen is INTERNAL."""
    if isinstance(error, Fault):
        return error
    number = getattr(error, "error_code", None)
    if isinstance(number, int) and number in _BY_NUMBER:
        return Fault(_BY_NUMBER[number], _without_trace(str(getattr(error, "message", error))))
    if isinstance(error, MemoryError):
        return Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "not enough memory for this call; send less at once")
    return Fault(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


def _without_trace(message: str) -> str:
    """A TensorFlow message without the Python frames that built the graph and the node names."""
    message = re.sub(r"^\{\{function_node \S+\}\} ", "", message)
    noise = re.compile(r"\s+File |Graph execution error|Detected at node|<stack trace|\s+\[\[")
    lines = [line for line in message.splitlines() if line.strip() and not noise.match(line)]
    text = " ".join(line.strip() for line in lines) or message
    return re.sub(r"\s*\[Op:\w+\]( name:\s*)?$", "", text)
