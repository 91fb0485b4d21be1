# Why TLS fails, in words, against a server of Python's ssl with certificates of OpenSSL.
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import one_server
from real_server import need

LEAF = ["-addext", "basicConstraints=critical,CA:FALSE"]
NAMED = [*LEAF, "-addext", "subjectAltName=DNS:localhost"]
# Ciphers that Python offers below its default level: short keys, SHA-1, TLS 1.1.
WEAK = "ALL:@SECLEVEL=0"


def certified(folder: Path, *more: str, key: str = "rsa:2048") -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    both = folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", key, "-nodes", "-keyout", folder / "key.pem", "-out", folder / "leaf.pem", "-subj", "/CN=localhost", "-days", "30", *more]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    both.write_text((folder / "key.pem").read_text() + (folder / "leaf.pem").read_text())
    return both


AUTHORITY = ["-addext", "keyUsage=critical,keyCertSign"]


def without_extensions(folder: Path) -> None:
    """The same as a certificate of version 1."""
    request = ["openssl", "req", "-new", "-key", folder / "key.pem", "-out", folder / "request", "-subj", "/CN=localhost"]
    sign = ["openssl", "x509", "-req", "-in", folder / "request", "-signkey", folder / "key.pem", "-out", folder / "leaf.pem"]
    for command in (request, sign):
        subprocess.run(command, check=True, capture_output=True, timeout=30)


def issued(folder: Path, *more: str, issuer: list[str] | None = AUTHORITY) -> Path:
    """A certificate for localhost that the owner of another one signed, which is what is trusted."""
    certified(folder, *(issuer or NAMED))
    if issuer is None:
        without_extensions(folder)
    shutil.copy(folder / "leaf.pem", folder / "ca.pem")
    (folder / "extensions").write_text("basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost\n")
    request = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key2.pem", "-out", folder / "request", "-subj", "/CN=localhost"]
    sign = ["openssl", "x509", "-req", "-in", folder / "request", "-CA", folder / "ca.pem", "-CAkey", folder / "key.pem", "-CAcreateserial", "-extfile", folder / "extensions", "-out", folder / "leaf.pem", *more]
    for command in (request, sign):
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    both = folder / "both.pem"
    both.write_text((folder / "key2.pem").read_text() + (folder / "leaf.pem").read_text())
    shutil.copy(folder / "ca.pem", folder / "leaf.pem")
    return both


@contextmanager
def starttls_server(context: ssl.SSLContext, implicit: bool = False) -> Iterator[SimpleNamespace]:
    """Greets, offers STARTTLS and takes a handshake, for every client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(10)
                if not implicit:
                    connection.sendall(b"220 mx.example\r\n")
                    connection.recv(1000)
                    connection.sendall(b"250-mx.example\r\n250 STARTTLS\r\n")
                    connection.recv(1000)
                    connection.sendall(b"220 go\r\n")
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield SimpleNamespace(host="localhost", port=listener.getsockname()[1])
    finally:
        listener.close()


def only(version: ssl.TLSVersion, ciphers: str = WEAK) -> Callable[[ssl.SSLContext], None]:
    def change(context: ssl.SSLContext) -> None:
        context.set_ciphers(ciphers)
        context.minimum_version = context.maximum_version = version

    return change


def weak(context: ssl.SSLContext) -> None:
    context.set_ciphers(WEAK)


# How the certificate is made, how the server is changed, whether it is trusted, and words of the message.
CASES: dict[str, tuple[Callable[[Path], Path], Callable[[ssl.SSLContext], None] | None, bool, list[str]]] = {
    "no subjectAltName": (lambda folder: certified(folder, *LEAF), None, True, ["names no host in a subjectAltName", "Ask the server's operator"]),
    "another name": (lambda folder: certified(folder, *LEAF, "-addext", "subjectAltName=DNS:a.example,DNS:*.b.example"), None, True, ["is valid for a.example, *.b.example, not for localhost", "Set SMTP_HOST"]),
    "an address only": (lambda folder: certified(folder, *LEAF, "-addext", "subjectAltName=IP:192.0.2.1"), None, True, ["is valid for 192.0.2.1, not for localhost"]),
    "many names": (lambda folder: certified(folder, *LEAF, "-addext", "subjectAltName=" + ",".join(f"DNS:h{number}.example" for number in range(9))), None, True, ["h3.example, 5 more, not for localhost"]),
    "expired": (lambda folder: issued(folder, "-days", "-1"), None, True, ["has expired", "renew it"]),
    "unknown issuer": (lambda folder: certified(folder, *NAMED), None, False, ["comes from an unknown issuer", "SMTP_CA_FILE"]),
    "a CA as the server": (lambda folder: certified(folder, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "subjectAltName=DNS:localhost"), None, False, ["the server's certificate"]),
    "not for servers": (lambda folder: certified(folder, *NAMED, "-addext", "extendedKeyUsage=clientAuth"), None, True, ["is not for servers"]),
    "SHA-1": (lambda folder: issued(folder, "-sha1"), weak, True, ["is signed with SHA-1", "another certificate"]),
    "SHA-1, by itself": (lambda folder: certified(folder, *NAMED, "-sha1"), weak, True, ["is signed with SHA-1"]),
    "MD5": (lambda folder: issued(folder, "-md5"), weak, True, ["is signed with MD5"]),
    "a short key": (lambda folder: certified(folder, *NAMED, key="rsa:1024"), weak, True, ["has an RSA key of 1024 bits", "another certificate"]),
    "TLS 1.1": (lambda folder: certified(folder, *NAMED), only(ssl.TLSVersion.TLSv1_1), True, ["only versions of TLS before 1.2"]),
    "TLS 1.0": (lambda folder: certified(folder, *NAMED), only(ssl.TLSVersion.TLSv1), True, ["only versions of TLS before 1.2"]),
    "CBC only": (lambda folder: certified(folder, *NAMED), only(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA"), True, ["no cipher suite that is safe"]),
    "static RSA only": (lambda folder: certified(folder, *NAMED), only(ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"), True, ["no cipher suite that is safe"]),
    "a client certificate wanted": (lambda folder: certified(folder, *NAMED), lambda context: setattr(context, "verify_mode", ssl.CERT_REQUIRED), True, ["the server requires a client certificate"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_reason_is_told_in_words(processes, tmp_path: Path, name: str) -> None:
    need(None if shutil.which("openssl") else "openssl is not installed")
    make, change, is_trusted, words = CASES[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    both = make(tmp_path)
    if change:
        change(context)
    context.load_cert_chain(both)
    trusted = tmp_path / "leaf.pem"
    if not is_trusted:
        other = tmp_path / "other"
        other.mkdir()
        trusted = certified(other, *AUTHORITY).with_name("leaf.pem")
    with starttls_server(context) as server:
        program = processes.program(one_server(server, SMTP_USE_TLS="true", SMTP_CA_FILE=trusted))
        answer = program.send().has_state("refused").mentions(*words)
    assert not [dump for dump in ("{", "[", "Context", "Error", "::") if dump in answer.text], answer.text


def test_plaintext_and_tls_on_each_others_ports(processes, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified(tmp_path, *NAMED))
    plain = processes.capture()
    program = processes.program(one_server(plain, SMTP_USE_SSL="true", SMTP_USE_TLS=None))
    program.send().has_state("refused").mentions("was not TLS", "SMTP_USE_SSL=false")
    with starttls_server(context, implicit=True) as server:
        program = processes.program(one_server(server, SMTP_USE_TLS="true", SMTP_TIMEOUT=2))
        program.send(wait_seconds=10).mentions("greeting", "SMTP_USE_SSL=true")


def served(processes, both: Path, trusted: Path):
    """The answer about a mail over a server with this certificate, if these are trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with starttls_server(context) as server:
        return processes.program(one_server(server, SMTP_USE_TLS="true", SMTP_CA_FILE=trusted)).send()


# Extensions of a certificate whose owner signed another one.
NO_AUTHORITY = {
    "a leaf": NAMED,
    "a CA that may not sign": ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,digitalSignature"],
    "without constraints": ["-config", "{folder}/plain.conf"],
    "of version 1": None,
}


@pytest.mark.parametrize("beside", ["alone", "beside a CA"])
@pytest.mark.parametrize("name", NO_AUTHORITY)
def test_only_a_ca_is_trusted_with_what_it_signed(processes, tmp_path: Path, name: str, beside: str) -> None:
    """Any other certificate in the CA file stands for itself alone."""
    need(None if shutil.which("openssl") else "openssl is not installed")
    (tmp_path / "plain.conf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
    issuer = NO_AUTHORITY[name]
    both = issued(tmp_path, issuer=issuer and [option.format(folder=tmp_path) for option in issuer])
    trusted = tmp_path / "ca.pem"
    if beside != "alone":
        other = tmp_path / "other"
        other.mkdir()
        certified(other, *AUTHORITY)
        trusted.write_text(trusted.read_text() + (other / "leaf.pem").read_text())
    words = "is not the one in the CA file, which holds no CA's" if beside == "alone" else "comes from an unknown issuer"
    served(processes, both, trusted).has_state("refused").mentions("the server's certificate", words, "SMTP_CA_FILE")


def is_accepted(answer) -> bool:
    """The server closes after the handshake: what fails is what comes then."""
    return "certificate" not in answer.text and "EHLO" in answer.text


@pytest.mark.parametrize("issuer", [NAMED, ["-addext", "subjectAltName=DNS:localhost"], AUTHORITY], ids=["a leaf", "a CA as the server", "a CA"])
def test_what_is_trusted_is_accepted(processes, tmp_path: Path, issuer: list[str]) -> None:
    """A leaf, a self-signed certificate that is marked as a CA's, and what a CA signed; also with others in the file."""
    need(None if shutil.which("openssl") else "openssl is not installed")
    both = issued(tmp_path) if issuer == AUTHORITY else certified(tmp_path, *issuer)
    assert is_accepted(served(processes, both, tmp_path / "leaf.pem"))
    other = tmp_path / "other"
    other.mkdir()
    certified(other, *NAMED)
    (tmp_path / "all.pem").write_text((other / "leaf.pem").read_text() + (tmp_path / "leaf.pem").read_text())
    assert is_accepted(served(processes, both, tmp_path / "all.pem"))
