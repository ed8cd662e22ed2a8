"""External issuer: key pairs, tokens signed with them, and a JWKS endpoint over real HTTP that can be made to fail."""

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

ISSUER = AUDIENCE = "https://app.example.com"

_ALGORITHMS: dict[str, Any] = {"Ed": OKPAlgorithm, "ES": ECAlgorithm, "RS": RSAAlgorithm}
_GENERATORS: dict[str, Callable[[], Any]] = {
    "EdDSA": Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS256, short": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be rejected
}


@dataclass(frozen=True)
class SigningKey:
    """Key pair. `jwk` is the public key as Better Auth publishes it: with alg and kid, without use."""

    kid: str
    algorithm: str
    private: Any
    jwk: dict[str, Any]

    @classmethod
    def make(cls, algorithm: str = "EdDSA", **parameters: Any) -> Self:
        private = _GENERATORS[algorithm]()
        public = _ALGORITHMS[algorithm[:2]].to_jwk(private.public_key(), as_dict=True)
        jwk = {**public, "kid": uuid4().hex, "alg": algorithm, **parameters}
        jwk.pop("key_ops", None)
        return cls(kid=jwk["kid"], algorithm=algorithm, private=private, jwk=jwk)

    def sign(self, sub: Any, **claims: Any) -> str:
        """Return a token as the issuer signs it. Claims that are None are omitted; `headers` are added to the header."""
        now = int(time.time())
        headers = {"kid": self.kid, **claims.pop("headers", {})}
        all_claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900, "sub": sub, **claims}
        body = orjson.dumps({name: value for name, value in all_claims.items() if value is not None})
        headers = {name: value for name, value in headers.items() if value is not None}
        return jwt.PyJWS().encode(body, self.private, self.algorithm, headers=headers)


@dataclass
class JwksEndpoint:
    """State of the JWKS endpoint: the keys that it serves, or how it fails (`respond`), and the number of its requests."""

    url: str = ""
    keys: list[SigningKey] = field(default_factory=list)
    respond: Callable[[BaseHTTPRequestHandler], None] | None = None
    fetches: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def document(self) -> bytes:
        return orjson.dumps({"keys": [key.jwk for key in self.keys]})


def send_response(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def run_jwks_server(*keys: SigningKey) -> Iterator[JwksEndpoint]:
    """Serve these keys on a free port."""
    endpoint = JwksEndpoint(keys=list(keys))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            endpoint.fetches += 1
            if endpoint.respond is None:
                send_response(self, endpoint.document())
            else:
                endpoint.respond(self)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

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
