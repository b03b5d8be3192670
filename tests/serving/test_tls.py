"""TLS and mutual TLS between client and server, with real certificates on loopback."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from serving.client import RankingClient
from serving.errors import ServerUnavailableError, ServingError
from serving.fleet.commands import fleet
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.watch import follow
from serving.server import LocalModelServer
from serving.tls import ClientTls, ServerTls, client_tls
from tests.serving.certificates import ssl_config, write_certificates
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests

REQUEST = toy_requests(1)[0]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    write_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 3)
    return base


def called(target, tls):
    with RankingClient(target, "scorer", toy_bound(), deadline_s=10.0, max_attempts=1, tls=tls) as client:
        return client.rank_one(REQUEST).version


def test_a_server_is_known_by_its_certificate(base, keys):
    ca = str(keys / "ca.pem")
    with LocalModelServer({"scorer": base}, tls=ServerTls.read(ssl_config(keys, mutual=False))) as server:
        assert called(server.target, ClientTls(ca)) == 3, "the certificate has the address"
        assert called(server.target, ClientTls(ca, server_name="ranker.shop")) == 3
        for tls in (None, ClientTls(str(keys / "other_ca.pem")), ClientTls(ca, server_name="other.shop")):
            with pytest.raises(ServerUnavailableError):
                called(server.target, tls)


def test_a_server_answers_the_clients_of_its_authority_alone(base, keys):
    ca = str(keys / "ca.pem")

    def of(name):
        return ClientTls(ca, str(keys / f"{name}.pem"), str(keys / f"{name}.key"))

    with LocalModelServer({"scorer": base}, tls=ServerTls.read(ssl_config(keys, mutual=True))) as server:
        assert called(server.target, of("client")) == 3
        with FleetServer(server.target, of("client")) as operator:
            assert operator.available("scorer") == [3], "labels move the same way"
        for tls in (ClientTls(ca), of("stranger")):
            with pytest.raises(ServerUnavailableError):
                called(server.target, tls)


@pytest.mark.parametrize("mutual", [True, False])
def test_a_pod_makes_its_servers_file_of_the_secret_and_follows_by_it(base, keys, tmp_path, mutual):
    state, ssl = tmp_path / "rollout.yaml", tmp_path / "ssl.config"
    state.write_text(f"models:\n  scorer: {{base_path: {base}, labels: {{stable: 3}}}}\n")
    (tmp_path / "sources.yaml").write_text(f"models: {{scorer: {{source: {base}}}}}\nrollout: {state}\n")
    shown = ["--tls-ca", str(keys / "ca.pem"), "--tls-cert", str(keys / "server.pem"), "--tls-key", str(keys / "server.key")]
    words = ["--sources", str(tmp_path / "sources.yaml"), "--models", str(tmp_path / "models"), "--ssl-config", str(ssl)]
    done = CliRunner().invoke(fleet, ["sync", "--once", *words, *shown, *(["--verify-clients"] if mutual else [])])
    assert done.exit_code == 0, done.output
    read = ServerTls.read(ssl)
    assert read == ServerTls.read(ssl_config(keys, mutual))
    with LocalModelServer({"scorer": base}, tls=read) as server:
        own = ClientTls(*shown[1::2]) if mutual else ClientTls(shown[1])
        follow(str(state), server.target, own)
        with FleetServer(server.target, own) as operator:
            assert operator.pointed("scorer", "stable") == 3, "the sync beside the server has moved the label"


def test_a_sync_without_the_files_writes_no_server_config(tmp_path):
    for words, said in ((["--ssl-config", "x"], "--ssl-config needs"), (["--verify-clients"], "needs all three"),
                        (["--ssl-config", "x", "--tls-cert", "c", "--tls-key", "k", "--verify-clients"], "needs --tls-ca")):
        done = CliRunner().invoke(fleet, ["sync", "--sources", "s", "--models", str(tmp_path), "--once", *words])
        assert done.exit_code == 2 and said in done.output


def test_what_is_missing_is_said(keys, tmp_path):
    with pytest.raises(ServingError, match="go together"):
        ClientTls(certificate="client.pem")
    with pytest.raises(ServingError, match="--tls-ca"):
        client_tls(tls_name="ranker.shop")
    with pytest.raises(ServingError, match="nothing.pem: can't be read: No such file"):
        ClientTls(str(tmp_path / "nothing.pem")).credentials()
    with pytest.raises(ServingError, match="not a PEM file"):
        ClientTls(__file__.replace("test_tls", "models")).credentials()
    for text, said in (("server_key: 3", "not an SSLConfig"), ("", "expected server_key and server_cert"),
                       ('server_key: "k" server_cert: "c" client_verify: true', "client_verify needs custom_ca")):
        (tmp_path / "ssl.config").write_text(text)
        with pytest.raises(ServingError, match=said):
            ServerTls.read(tmp_path / "ssl.config")
