"""TLS between client and server, mutual where the server asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.protobuf import descriptor_pool, text_format

from serving.errors import ServingError
from serving.protocol.declare import file_of, message_class
from zoo import files

_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(file_of("tensorflow.serving", {"SSLConfig": [
    "string server_key = 1", "string server_cert = 2", "string custom_ca = 3", "bool client_verify = 4"]}).SerializeToString())
SSLConfig = message_class(_POOL, "tensorflow.serving.SSLConfig")


@dataclass(frozen=True)
class ClientTls:
    """How a client knows its server, and shows itself.

    Args:
        ca: PEM file of the authorities that may sign the server's certificate; by default those that gRPC brings.
        certificate: PEM file of the client's own, where the server wants one (mutual TLS).
        key: PEM file of its private key.
        server_name: the name that the server's certificate must have, where it is not the host that is called: an address, say.

    Raises:
        ServingError: a certificate without its key, or the other way round.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ServingError("TLS: a client's certificate and its private key go together; give both, or neither")

    @property
    def options(self) -> list[tuple[str, str]]:
        """Options of the channel."""
        return [("grpc.ssl_target_name_override", self.server_name)] if self.server_name else []

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC takes.

        Raises:
            ServingError: a file can't be read.
        """
        return grpc.ssl_channel_credentials(pem(self.ca), pem(self.key), pem(self.certificate))


def client_tls(tls_ca: str | None = None, tls_cert: str | None = None, tls_key: str | None = None,
               tls_name: str | None = None) -> ClientTls | None:
    """What the options of a command say; None where none was given.

    Raises:
        ServingError: options without an authority.
    """
    if not any((tls_ca, tls_cert, tls_key, tls_name)):
        return None
    if tls_ca is None:
        raise ServingError("TLS: name the authority that signed the server's certificate with --tls-ca")
    return ClientTls(tls_ca, tls_cert, tls_key, tls_name)


@dataclass(frozen=True)
class ServerTls:
    """A server's certificate, and whose clients it answers.

    Args:
        certificate: PEM text, the server's own first.
        key: PEM text of its private key.
        client_ca: PEM text of the authorities that sign clients' certificates; None: clients need none.
    """

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None

    @classmethod
    def read(cls, path: files.PathLike) -> ServerTls:
        """Reads ModelServer's SSLConfig in text form: `server_key`, `server_cert`, `custom_ca`, `client_verify`.

        Raises:
            ServingError: it can't be read, lacks a key or certificate, or wants clients verified by no authority.
        """
        try:
            config = text_format.Parse(files.read_text(path), SSLConfig())
        except (OSError, files.FileError, text_format.ParseError) as error:
            raise ServingError(f"{path}: not an SSLConfig in text form: {error}") from None
        if not config.server_key or not config.server_cert:
            raise ServingError(f"{path}: expected server_key and server_cert, each a PEM text")
        if config.client_verify and not config.custom_ca:
            raise ServingError(f"{path}: client_verify needs custom_ca, the authorities that sign clients' certificates")
        return cls(config.server_cert.encode(), config.server_key.encode(),
                   config.custom_ca.encode() if config.client_verify else None)

    @property
    def text(self) -> str:
        """ModelServer's SSLConfig, in text form."""
        ca = {"custom_ca": self.client_ca.decode(), "client_verify": True} if self.client_ca else {}
        return text_format.MessageToString(
            SSLConfig(server_key=self.key.decode(), server_cert=self.certificate.decode(), **ca))

    def credentials(self) -> grpc.ServerCredentials:
        """What gRPC takes."""
        return grpc.ssl_server_credentials([(self.key, self.certificate)], self.client_ca, self.client_ca is not None)


def pem(path: str | None) -> bytes | None:
    """The bytes of a PEM file; None for none.

    Raises:
        ServingError: it can't be read, or is no PEM file.
    """
    if path is None:
        return None
    try:
        with files.open_file(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ServingError(f"TLS: {path}: can't be read: {error.strerror or error}") from None
    if b"-----BEGIN " not in content:
        raise ServingError(f"TLS: {path}: not a PEM file; expected -----BEGIN CERTIFICATE----- or a private key")
    return content
