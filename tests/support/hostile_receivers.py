"""Hostile receivers: each accepts a connection and misbehaves in its own way. Raw sockets, since
no server library allows this."""

import datetime
import gzip
import ipaddress
import socket
import ssl
import struct
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\n"
PIECE = 16 * 1024
# An endless response comes as fast as it can be copied until a sender that keeps it would have
# grown too much, then slowly: or the quick receivers beside it would starve on a busy machine.
FAST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """A behaviour, and how the attempt may end: the failure's code, or the status."""

    behave: Behaviour
    ends: frozenset[str]
    scheme: str = "http"


KINDS: dict[str, Kind] = {}


def kind(*ends: str, scheme: str = "http", name: str = "") -> Callable[[Behaviour], Behaviour]:
    def register(behave: Behaviour) -> Behaviour:
        KINDS[name or behave.__name__.replace("_", " ")] = Kind(behave, frozenset(ends), scheme)
        return behave

    return register


class HostileReceiver:
    """One of them on its own port; it counts its connections."""

    def __init__(self, of: Kind) -> None:
        self.kind, self.connections, self._closing = of, 0, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        host = "localhost" if self.kind.scheme == "https" else "127.0.0.1"
        return f"{self.kind.scheme}://{host}:{self.port}/hook"

    def close(self) -> None:
        self._closing.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The sender closes the connection; that is not an error here.
        with connection:
            try:
                connection.settimeout(60)
                self.kind.behave(connection, self._closing)
            except (OSError, ssl.SSLError):
                pass


def read(connection: socket.socket) -> None:
    """Reads one complete request."""
    got = b""
    while b"\r\n\r\n" not in got:
        if not (piece := connection.recv(65536)):
            return
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        if not (piece := connection.recv(65536)):
            return
        body += piece


def reset(connection: socket.socket) -> None:
    """Sends RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def flood(connection: socket.socket, closing: threading.Event, piece: bytes) -> None:
    sent = 0
    while not closing.wait(0 if sent < FAST_BYTES else 0.02):
        connection.sendall(piece)
        sent += len(piece)


def drip(connection: socket.socket, closing: threading.Event, piece: bytes) -> None:
    """Sends a byte at a time, so that there is always progress."""
    at = 0
    while not closing.wait(0.05):
        connection.sendall(piece[at % len(piece) : at % len(piece) + 1])
        at += 1


def says(*ends: str, name: str, answer: bytes, stays: bool = False) -> None:
    """A kind that reads the request, sends `answer`, and closes the connection, or keeps it open
    silently."""

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        read(connection)
        connection.sendall(answer)
        if stays:
            closing.wait()

    kind(*ends, name=name)(behave)


# ---- Hanging up ----


@kind("reset")
def hangs_up_at_once(connection: socket.socket, _: threading.Event) -> None:
    pass


@kind("reset", "connect")
def resets_at_once(connection: socket.socket, _: threading.Event) -> None:
    reset(connection)


@kind("reset")
def resets_in_the_middle_of_the_request(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(20)
    reset(connection)


@kind("reset")
def resets_after_the_request(connection: socket.socket, _: threading.Event) -> None:
    read(connection)
    reset(connection)


@kind("reset")
def resets_in_the_middle_of_the_status(connection: socket.socket, _: threading.Event) -> None:
    read(connection)
    connection.sendall(b"HTTP/1.1 20")
    reset(connection)


@kind("reset")
def resets_in_the_middle_of_the_headers(connection: socket.socket, _: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"content-type: text/plain\r\ncontent-le")
    reset(connection)


@kind("200", "reset")
def resets_in_the_middle_of_the_body(connection: socket.socket, _: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"content-length: 100\r\n\r\nhalf")
    reset(connection)


says("200", name="hangs up in the middle of the body", answer=OK + b"content-length: 100\r\n\r\nhalf")
says("200", name="hangs up in the middle of a chunk", answer=OK + b"transfer-encoding: chunked\r\n\r\nff\r\nhalf")

# ---- Time ----


@kind("timeout")
def reads_nothing_and_says_nothing(_: socket.socket, closing: threading.Event) -> None:
    closing.wait()


@kind("timeout")
def reads_all_and_says_nothing(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    closing.wait()


@kind("timeout")
def drips_the_status(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(b"HTTP/1.1 200 ")
    drip(connection, closing, b"O")


@kind("timeout")
def drips_headers(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK)
    drip(connection, closing, b"x: y\r\n")


@kind("200")
def drips_the_body(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"content-length: 1000000\r\n\r\n")
    drip(connection, closing, b"x")


@kind("200")
def drips_chunks(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n")
    drip(connection, closing, b"1\r\nx\r\n")


says("200", name="promises a body and stalls", answer=OK + b"content-length: 10\r\n\r\n", stays=True)
says("200", name="promises 10 GB and stalls", answer=OK + b"content-length: 10737418240\r\n\r\n", stays=True)
says("timeout", name="continues and never comes to the point", answer=b"HTTP/1.1 100 Continue\r\n\r\n", stays=True)

# ---- Size ----


@kind("200")
def endless_body(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"\r\n")
    flood(connection, closing, b"x" * PIECE)


@kind("200")
def endless_chunks(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n")
    flood(connection, closing, b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


@kind("200", name="body of 10 GB")
def body_of_10_gb(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"content-length: 10737418240\r\n\r\n")
    flood(connection, closing, b"\0" * PIECE)


@kind("protocol")
def endless_headers(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK)
    flood(connection, closing, (b"x-more: " + b"y" * 100 + b"\r\n") * 200)


@kind("protocol")
def one_endless_header(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"x-more: ")
    flood(connection, closing, b"y" * PIECE)


@kind("protocol")
def endless_status_line(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(b"HTTP/1.1 200 ")
    flood(connection, closing, b"O" * PIECE)


@kind("timeout", "protocol", name="100 Continue without end")
def continues(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    flood(connection, closing, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@kind("timeout", "protocol", name="103 Early Hints without end")
def hints(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    flood(connection, closing, b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" * 100)


@kind("200", "protocol")
def endless_chunk_extension(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n1;")
    flood(connection, closing, b"x" * PIECE)


@kind("200", "protocol")
def endless_trailers(connection: socket.socket, closing: threading.Event) -> None:
    read(connection)
    connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    flood(connection, closing, (b"x-more: " + b"y" * 100 + b"\r\n") * 200)


says("protocol", name="a thousand headers and one", answer=OK + b"".join(b"x-%d: y\r\n" % n for n in range(1000)) + b"content-length: 0\r\n\r\n")
says(
    "200",
    name="every header that is kept, many and long",
    answer=OK + (b"retry-after: " + b"9" * 3000 + b"\r\nvia: " + b"\xff" * 3000 + b"\r\n") * 15 + b"content-length: 0\r\n\r\n",
)
says(
    "200",
    name="a gzip bomb",
    answer=(bomb := gzip.compress(b"\0" * 50_000_000)) and OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb,
)

# ---- What is no HTTP ----

says("200", name="a chunk size that is no number", answer=OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n")
says("200", name="a chunk size that overflows", answer=OK + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nx\r\n")
says("200", "protocol", name="a negative length", answer=OK + b"content-length: -1\r\n\r\nx")
says("200", "protocol", name="a length that overflows", answer=OK + b"content-length: 99999999999999999999999\r\n\r\nx")
says("200", "protocol", name="two lengths", answer=OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxy")
says("200", "protocol", name="a length and chunks", answer=OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
says("200", "protocol", name="an unknown transfer encoding", answer=OK + b"transfer-encoding: chunked, evil\r\n\r\nx")
says("204", name="204 with a body", answer=b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello")
says("protocol", "reset", name="garbage", answer=bytes(range(256)) * 16 + b"\r\n\r\n")
says("protocol", "reset", name="HTTP/0.9", answer=b"<html>fine</html>\n")
says("protocol", "reset", name="SSH", answer=b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
says("protocol", "reset", name="HTTP/2 frames", answer=b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18 + b"\0\0\0\x04\x01\0\0\0\0\r\n\r\n")
says("protocol", name="a status of five digits", answer=b"HTTP/1.1 99999 What\r\n\r\n")
says("protocol", "999", "reset", name="status 999", answer=b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n")
says("protocol", "reset", name="status 000", answer=b"HTTP/1.1 000 What\r\ncontent-length: 0\r\n\r\n")
says("protocol", "reset", name="NUL in a header", answer=OK + b"x: a\0b\r\ncontent-length: 0\r\n\r\n")
says("200", name="a folded header", answer=OK + b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n")
says("200", name="a space before the colon", answer=OK + b"x : a\r\ncontent-length : 0\r\n\r\n")
says("200", name="lines that are no headers", answer=OK + b"this is no header\r\nx: \x1b[31mred\r\nx(y): z\r\ncontent-length: 0\r\n\r\n")
says("200", name="101 headers", answer=OK + b"".join(b"x-%d: y\r\n" % n for n in range(100)) + b"content-length: 0\r\n\r\n")
says("protocol", name="chunks in HTTP/1.0", answer=b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
says("200", name="two answers", answer=(OK + b"content-length: 0\r\n\r\n") * 2)

# ---- Leading astray ----

says("302", name="a redirect to the metadata service", answer=b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n")
says("101", name="switches protocols", answer=b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x05hello", stays=True)


@kind("307", name="a redirect loop")
def redirects(connection: socket.socket, _: threading.Event) -> None:
    read(connection)
    port = connection.getsockname()[1]
    connection.sendall(b"HTTP/1.1 307 Again\r\nlocation: http://127.0.0.1:%d/hook\r\ncontent-length: 0\r\n\r\n" % port)


# ---- TLS ----

OF_A_HANDSHAKE = b"\x16\x03\x03\x40\x00"


@kind("tls", scheme="https", name="no TLS where it is asked for")
def plain(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


@kind("tls", scheme="https", name="TLS 1.0 at most")
def old_tls(connection: socket.socket, _: threading.Event) -> None:
    """A ServerHello of version 3.1, as an old server sends."""
    connection.recv(65536)
    hello = b"\x03\x01" + b"\x11" * 32 + b"\x00" + b"\x00\x2f" + b"\x00"
    handshake = b"\x02" + len(hello).to_bytes(3, "big") + hello
    connection.sendall(b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake)
    connection.recv(65536)


@kind("tls", scheme="https", name="an alert in place of a handshake")
def alerts(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")


@kind("reset", "tls", scheme="https")
def resets_in_the_handshake(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(65536)
    reset(connection)


@kind("reset", "tls", "connect", scheme="https")
def hangs_up_in_the_handshake(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(65536)


@kind("timeout", "connect", scheme="https", name="a handshake that never ends")
def silent(connection: socket.socket, closing: threading.Event) -> None:
    connection.recv(65536)
    closing.wait()


@kind("timeout", "connect", "tls", scheme="https", name="a handshake that drips")
def drips_the_handshake(connection: socket.socket, closing: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(OF_A_HANDSHAKE)
    drip(connection, closing, b"\x0b")


@kind("tls", "timeout", "connect", scheme="https", name="a handshake without end")
def floods_the_handshake(connection: socket.socket, closing: threading.Event) -> None:
    connection.recv(65536)
    flood(connection, closing, OF_A_HANDSHAKE + b"\x0b\xff\xff\xff" + b"\x00" * (0x4000 - 4))


def _with_certificate(name: str, host: str, days_from: int, days_until: int) -> None:
    """A server with an untrusted certificate for a host and a period.
    functions/adapters/tests/egress/tls.rs covers the finer differences, with a client that
    trusts the issuer; here all of them end alike."""
    context: list[ssl.SSLContext] = []

    def made() -> ssl.SSLContext:
        if context:
            return context[0]
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        now = datetime.datetime.now(datetime.timezone.utc)
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days_from))
            .not_valid_after(now + datetime.timedelta(days=days_until))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "both.pem"
            file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
            made_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made_context.load_cert_chain(file)
        context.append(made_context)
        return made_context

    def behave(connection: socket.socket, _: threading.Event) -> None:
        with made().wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(OK + b"content-length: 0\r\n\r\n")

    kind("tls", scheme="https", name=name)(behave)


_with_certificate("a self-signed certificate", "localhost", -1, 30)
_with_certificate("an expired certificate", "localhost", -30, -1)
_with_certificate("a certificate of tomorrow", "localhost", 1, 30)
_with_certificate("a certificate of another host", "other.example", -1, 30)
