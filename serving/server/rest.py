"""REST front: `/v1/models/NAME[/versions/V|/labels/L]` with `:predict`, status and `/metadata`."""

from __future__ import annotations

import inspect
import json
import logging
import re
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc
from google.protobuf import json_format

from serving.server import rest_answer, rest_json
from serving.server.addresses import bare, family, joined
from serving.server.calls import SIGNATURES, Calls
from serving.server.faults import Fault, fault_of, invalid
from serving.server.protocol import get_model_metadata_pb2, get_model_status_pb2, model_pb2
from serving.server.rest_body import read_all
from serving.server.tensors import serialized
from serving.server.versions import NEWEST_POSSIBLE

log = logging.getLogger("serving.server")
_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(_MODEL + r":(?P<method>predict|classify|regress)", re.IGNORECASE)
_GET = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)
# The option that prints fields with their default values has another name since protobuf 5.
_WITH_DEFAULTS: dict[str, Any] = {name: True for name in inspect.signature(json_format.MessageToJson).parameters
                                  if name in ("including_default_value_fields", "always_print_fields_with_no_presence")}
_IDLE_SECONDS = 60


class RestFront:
    """The REST port of a server.

    Args:
        calls: what answers.
        address: interface to bind.
        port: TCP port; 0 lets the system choose.
        metrics_path: where Prometheus reads; None: nowhere.

    Raises:
        OSError: the system does not let it be bound; says why.
    """

    def __init__(self, calls: Calls, address: str, port: int, metrics_path: str | None = None):
        handler = type("Handler", (_Handler,), {"calls": calls, "metrics_path": metrics_path})
        try:
            self._server = _Server(address, port, handler)
        except OSError as error:
            raise OSError(f"can't listen on {joined(address, port)}: {error.strerror}.") from None
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="rest", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, handler: type[BaseHTTPRequestHandler]):
        self.address_family = family(address)
        super().__init__((bare(address), port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            # As gRPC: all interfaces (`::`) are those of IPv4, too.
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A caller that hangs up in the middle is everyday life.
        log.debug("event=rest-connection-lost client=%s", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    calls: Calls
    metrics_path: str | None
    protocol_version = "HTTP/1.1"
    server_version = "zoo-serve"
    timeout = _IDLE_SECONDS
    # Buffered, so that headers and body leave in one packet.
    wbufsize = -1

    def do_POST(self) -> None:
        self._respond(self._post)

    def do_GET(self) -> None:
        self._respond(self._get)

    def do_OPTIONS(self) -> None:
        """Answered as ModelServer does, without leave for pages of other origins."""
        self._respond(self._options)

    def do_PUT(self) -> None:
        self._respond(self._other)

    do_DELETE = do_HEAD = do_PATCH = do_PUT

    def log_message(self, format: str, *arguments: Any) -> None:
        log.debug("event=rest " + format, *arguments)

    def _respond(self, handle: Any) -> None:
        try:
            status, body = HTTPStatus.OK, handle()
        except Exception as error:  # no request may end the server; the caller gets the code
            fault = fault_of(error)
            if fault.code == grpc.StatusCode.INTERNAL:
                log.exception("event=call-failed message=%r", fault.message)
            status, body = fault.http_status, json.dumps({"error": fault.message})
        content = body.encode("utf-8", "replace")
        self.send_response(status)
        plain = status == HTTPStatus.OK and self.path == self.metrics_path
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _post(self) -> str:
        body = self._body()
        match = _POST.fullmatch(unquote(urlsplit(self.path).path))
        if not match:
            raise self._malformed()
        if match["method"].lower() != "predict":
            raise Fault(grpc.StatusCode.UNIMPLEMENTED, f"{match['method']} is not offered by this server; use predict")
        spec = _model_spec(match)
        with self.calls.metrics.call(spec.name, "REST"):
            return self._predict(spec, body)

    def _predict(self, spec: Any, body: bytes) -> str:
        values = rest_json.read_body(body)
        spec.signature_name = values.get("signature_name", "")
        with self.calls.manager.version(spec) as version:
            try:
                signature = version.loaded.signature(spec.signature_name)
            except Fault as fault:
                raise invalid(fault.message) from None
            outputs = version.loaded.predict(spec.signature_name, serialized(rest_json.input_protos(values, signature)))
        return rest_answer.answer(outputs, "instances" in values)

    def _get(self) -> str:
        if self.path == self.metrics_path:
            return self.calls.metrics.text()
        match = _GET.fullmatch(unquote(urlsplit(self.path).path))
        if not match:
            raise self._malformed()
        spec = _model_spec(match)
        if match["metadata"]:
            request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=[SIGNATURES])
            response = self.calls.metadata(request)
            # Not as an Any, whose JSON has a type beside the fields.
            signatures = get_model_metadata_pb2.SignatureDefMap()
            response.metadata[SIGNATURES].Unpack(signatures)
            return f'{{"model_spec": {_json(response.model_spec)}, "metadata": {{"{SIGNATURES}": {_json(signatures)}}}}}'
        return _json(self.calls.status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec)))

    def _options(self) -> str:
        if "Origin" not in self.headers:
            raise self._malformed()
        return ""

    def _other(self) -> str:
        # Nothing is read of what may follow, so the connection ends here.
        self.close_connection = True
        raise self._malformed()

    def _body(self) -> bytes:
        try:
            return read_all(self.rfile, self.headers)
        except Fault:
            # What follows on this connection can't be told from a body.
            self.close_connection = True
            raise

    def _malformed(self) -> Fault:
        return invalid(f"Malformed request: {self.command} {self.path[:200]}")


def _model_spec(match: re.Match[str]) -> Any:
    spec = model_pb2.ModelSpec(name=match["name"])
    if match["version"]:
        number = match["version"].lstrip("0") or "0"
        if len(number) > len(str(NEWEST_POSSIBLE)) or int(number) > NEWEST_POSSIBLE:
            raise invalid(f"Failed to convert version: {number[:40]} to numeric.")
        spec.version.value = int(number)
    if match["label"]:
        spec.version_label = match["label"]
    return spec


def _json(message: Any) -> str:
    return json_format.MessageToJson(message, preserving_proto_field_name=True, **_WITH_DEFAULTS)
