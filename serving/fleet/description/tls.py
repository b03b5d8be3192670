"""How callers and servers know each other."""

from __future__ import annotations

from serving.fleet.description.fields import Name
from zoo.config import Config


class Tls(Config):
    """TLS on the gRPC port.

    Args:
        secret: a Secret with `tls.crt`, `tls.key` and `ca.crt`, as cert-manager makes it. The certificate is the servers', and
            with `mutual` also that by which the sync calls the server beside it, so it must be for servers and clients.
        mutual: whether callers must show a certificate that `ca.crt` signed.
        server_name: a name that the certificate has; by default `NAME.NAMESPACE`, which callers use.
    """

    secret: Name
    mutual: bool = False
    server_name: str | None = None
