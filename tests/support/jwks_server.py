"""Another issuer, for real: keys of its own, tokens signed with them, and an endpoint that serves the keys or fails to."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from uuid import uuid4

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NAME = AUDIENCE = "https://app.example.com"

_ALGORITHMS: dict[str, Any] = {"Ed": OKPAlgorithm, "ES": ECAlgorithm, "RS": RSAAlgorithm}
_MAKERS: dict[str, Callable[[], Any]] = {
    "EdDSA": Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS256, short": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
}


@dataclass(frozen=True)
class SigningKey:
    """A key pair. `jwk` is its public half, as Better Auth publishes it: with alg and kid, without use."""

    kid: str
    algorithm: str
    private: Any
    jwk: dict[str, Any]

    @classmethod
    def make(cls, kind: str = "EdDSA", **members: Any) -> Self:
        private = _MAKERS[kind]()
        jwk = {**_ALGORITHMS[kind[:2]].to_jwk(private.public_key(), as_dict=True), "kid": uuid4().hex, "alg": kind, **members}
        jwk.pop("key_ops", None)
        return cls(jwk["kid"], kind, private, jwk)

    def sign(self, sub: Any, **claims: Any) -> str:
        """Sign a token as the issuer does; a claim that is None is left out, `headers` are added to the header."""
        now = int(time.time())
        headers = {"kid": self.kid, **claims.pop("headers", {})}
        everything = {"iss": NAME, "aud": AUDIENCE, "iat": now, "exp": now + 900, "sub": sub, **claims}
        body = orjson.dumps({name: value for name, value in everything.items() if value is not None})
        given = {name: value for name, value in headers.items() if value is not None}
        return jwt.PyJWS().encode(body, self.private, self.algorithm, headers=given)


@dataclass
class Endpoint:
    """What the issuer's JWKS endpoint serves, and how often it was asked."""

    url: str = ""
    keys: list[SigningKey] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    fetches: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def document(self) -> bytes:
        return orjson.dumps({"keys": [key.jwk for key in self.keys]})


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving_keys(*keys: SigningKey) -> Iterator[Endpoint]:
    """Serve these keys at an address of its own."""
    endpoint = Endpoint(keys=list(keys))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            endpoint.fetches += 1
            if endpoint.answer is None:
                send(self, endpoint.document())
            else:
                endpoint.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/api/auth/jwks"
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
