"""A throw-away certificate authority and the certificate that it gives to WhatsApp's host names on loopback."""

import datetime
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("web.whatsapp.com", "*.whatsapp.com", "*.whatsapp.net")
LEAF_DAYS, KEPT_DAYS = 7, 3650


def make(folder: Path, *, keep: bool = False) -> tuple[Path, ssl.SSLContext]:
    """Write the CA's certificate to `folder`/ca.pem and return the server's TLS context.

    `keep`: the CA is the one that is in `folder` already, or stays there for the next time, with its key. Otherwise its
    key is never stored.
    """
    ca_path, chain, private = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    ca_key, ca = _authority(folder, ca_path) if keep else _new_authority(ca_path, LEAF_DAYS)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(ca_key, "web.whatsapp.com", key.public_key(), ca, LEAF_DAYS)
    chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    _write_secret(private, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    private.unlink()
    return ca_path, context


def _authority(folder: Path, ca_path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The kept authority; its key's file is written last, so that where it is the certificate is, too."""
    key_path = folder / "ca.key"
    if key_path.exists() and ca_path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate(ca_path.read_bytes())
    key, ca = _new_authority(ca_path, KEPT_DAYS)
    _write_secret(folder / "ca.new", key)
    (folder / "ca.new").replace(key_path)
    return key, ca


def _new_authority(ca_path: Path, days: int) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate(key, "Exponential loopback CA (throw-away)", key.public_key(), None, days)
    ca_path.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return key, ca


def _write_secret(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(
    signer: ec.EllipticCurvePrivateKey,
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Certificate | None,
    days: int,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(_usage(signs=issuer is None), critical=True)  # Python from 3.13 on asks for it
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())
