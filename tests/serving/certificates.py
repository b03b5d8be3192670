"""Real certificates: an authority, a server's and a client's, and one that nobody should trust."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_certificates(folder: Path) -> None:
    """Writes `ca.pem`, and `NAME.pem`, `NAME.key` for server (127.0.0.1), client, and a stranger of another authority."""
    ca = _authority(folder / "ca.pem")
    other = _authority(folder / "other_ca.pem")
    for name, signer in (("server", ca), ("client", ca), ("stranger", other)):
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName("ranker.shop"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = _builder(name, signer[0].subject, key).add_extension(names, critical=False).sign(signer[1], hashes.SHA256())
        _write(folder / f"{name}.pem", made)
        (folder / f"{name}.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def ssl_config(folder: Path, mutual: bool) -> Path:
    """ModelServer's SSLConfig of the server's certificate."""
    def quoted(name: str) -> str:
        return '"' + (folder / name).read_text().replace("\n", "\\n") + '"'

    text = f"server_key: {quoted('server.key')}\nserver_cert: {quoted('server.pem')}\n"
    if mutual:
        text += f"custom_ca: {quoted('ca.pem')}\nclient_verify: true\n"
    path = folder / "ssl.config"
    path.write_text(text)
    return path


def _authority(path: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
    basic = x509.BasicConstraints(True, None)
    made = _builder(path.stem, name, key).add_extension(basic, critical=True).sign(key, hashes.SHA256())
    _write(path, made)
    return made, key


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1)))


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
