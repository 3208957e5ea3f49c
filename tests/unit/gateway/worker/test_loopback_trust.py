import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exponential.core.errors import ConfigurationError
from exponential.core.settings import GatewaySettings, read
from exponential.gateway.service import _launch
from exponential.gateway.worker import loopback_trust, spool

ROOT = "ab" * 32


def loopback(tmp_path: Path, **changed: object) -> GatewaySettings:
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    given = {
        "mode": "loopback",
        "loopback_ca": authority,
        "loopback_noise_root": ROOT,
        "proxy_url": "http://127.0.0.1:8443",
    }
    return read(GatewaySettings, **{**given, **changed})


def test_a_normal_gateway_has_no_way_to_it() -> None:
    with pytest.raises(ConfigurationError, match="Only WHATSAPP_MODE=loopback"):
        loopback_trust.environment(read(GatewaySettings))
    launch = _launch(read(GatewaySettings, proxy_url="http://proxy.example:3128"))
    assert launch.module == "exponential.gateway.worker.main"
    spool_rules = spool.SpoolRules().as_environment()
    assert dict(launch.environment) == {"HTTPS_PROXY": "http://proxy.example:3128", **spool_rules}
    switch = "exponential.gateway.worker.loopback_trust"
    program = f"import sys, exponential.gateway.worker.main; sys.exit('{switch}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_production_is_refused_even_when_the_settings_were_bent(tmp_path: Path) -> None:
    bent = loopback(tmp_path).model_copy(update={"environment": "production"})
    with pytest.raises(ConfigurationError, match="outside production"):
        loopback_trust.environment(bent)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.8:8443", "http://localhost.example.org:8443", "http://127.0.0.1.example.org:1", "x"]
)
def test_only_addresses_of_this_machine_are_trusted(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be an address such as"):
        loopback_trust.environment(loopback(tmp_path, proxy_url=url))


@pytest.mark.parametrize("root", ["", "zz" * 32, "ab" * 31])
def test_the_root_must_be_a_key(tmp_path: Path, root: str) -> None:
    with pytest.raises(ConfigurationError, match="64 hex digits"):
        loopback_trust.environment(loopback(tmp_path).model_copy(update={"loopback_noise_root": root}))


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="WHATSAPP_LOOPBACK_CA"):
        loopback_trust.environment(loopback(tmp_path, loopback_ca=tmp_path / "none.pem"))


def test_a_loopback_worker_gets_route_authority_and_root(tmp_path: Path) -> None:
    launch = _launch(loopback(tmp_path))
    assert launch.module == "exponential.gateway.worker.loopback_trust"
    assert launch.environment["HTTPS_PROXY"] == "http://127.0.0.1:8443"
    assert launch.environment["SSL_CERT_FILE"].endswith("ca.pem")
    assert launch.environment[loopback_trust.NOISE_ROOT] == ROOT


def test_a_library_without_the_key_is_refused() -> None:
    library = Path(os.path.realpath(ctypes.__file__)).name  # not even a library: no mapping has its name
    with pytest.raises(ConfigurationError, match="0 times, not once"):
        loopback_trust.replace_root(library, bytes(32))


def test_the_worker_refuses_a_bent_environment() -> None:
    worker = subprocess.run(
        [sys.executable, "-m", "exponential.gateway.worker.loopback_trust", "0", "info"],
        env={**os.environ, "HTTPS_PROXY": "http://203.0.113.5:1", loopback_trust.NOISE_ROOT: ROOT},
        capture_output=True,
        text=True,
    )
    assert worker.returncode != 0
    assert "must be an address such as" in worker.stderr
