"""Tokens of an external issuer in both APIs: user provisioning, key rotation, outages, and algorithm and key confusion."""

import asyncio
import hashlib
import hmac
import re
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.jwks import cache as cache_module
from services.auth.jwks.cache import RefreshPolicy
from tests.support.api_clients import TLS, ApiClient, ApiError, ClientFactory, GraphQLClient, RestClient
from tests.support.jwks_server import AUDIENCE, ISSUER, JwksEndpoint, SigningKey, run_jwks_server, send_response
from tests.support.service import SECRET, LogCapture, PostgresServer, RunningService, run_service, settings_for
from tests.support.users import TestUser, sign_token

ED, EC, EC384, RSA, UNPUBLISHED = (SigningKey.make(algorithm) for algorithm in ("EdDSA", "ES256", "ES384", "RS256", "EdDSA"))
FOR_ENCRYPTION = SigningKey.make("EdDSA", use="enc")
OCTETS = {"kty": "oct", "kid": "octets", "alg": "HS256", "k": urlsafe_b64encode(b"o" * 32).decode().rstrip("=")}


@contextmanager
def run_with_issuer(endpoint: JwksEndpoint, database: PostgresServer) -> Iterator[RunningService]:
    """Run the service with this external issuer."""
    settings = settings_for(database, jwks_url=endpoint.url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    with run_service(settings, database) as running:
        yield running


@pytest.fixture(scope="module")
def endpoint() -> Iterator[JwksEndpoint]:
    """A JWKS endpoint with keys of every supported type, and with some that are not supported."""
    octets = SigningKey("octets", "HS256", None, OCTETS)
    with run_jwks_server(ED, EC, EC384, RSA, FOR_ENCRYPTION, octets) as running:
        yield running


@pytest.fixture(scope="module")
def service(endpoint: JwksEndpoint, postgres: PostgresServer) -> Iterator[RunningService]:
    """The service that most tests here share. It looks up each unknown key immediately."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cache_module, "RefreshPolicy", partial(RefreshPolicy, retry_delay=0))
            running = stack.enter_context(run_with_issuer(endpoint, postgres.copy("template_todo")))
        yield running


@pytest.fixture(params=[RestClient, GraphQLClient], ids=["rest", "graphql"])
def api(request: pytest.FixtureRequest) -> type[ApiClient]:
    """The client class; the test runs once over REST, once over GraphQL."""
    client_class: type[ApiClient] = request.param
    return client_class


@pytest.fixture
def make_client(api: type[ApiClient], service: RunningService) -> Iterator[ClientFactory]:
    """A function that creates clients of the shared service."""
    with client_factory(api, service) as factory:
        yield factory


@contextmanager
def client_factory(api: type[ApiClient], service: RunningService) -> Iterator[ClientFactory]:
    clients: list[ApiClient] = []

    def create_client(token: str | None) -> ApiClient:
        clients.append(api(service.url, token))
        return clients[-1]

    yield create_client
    for client in clients:
        client.close()


@contextmanager
def run_with_one_key(api: type[ApiClient], database: PostgresServer) -> Iterator[tuple[JwksEndpoint, ClientFactory]]:
    """Run the service with an issuer that publishes one key; yield the endpoint and a function that creates clients."""
    with run_jwks_server(ED) as endpoint, run_with_issuer(endpoint, database) as service, client_factory(api, service) as factory:
        yield endpoint, factory


def rejection(client: ApiClient) -> tuple[int, str]:
    """Return status and error code of rejected operations; check that they are the same for all of them."""
    rejections = set()
    for operation in (client.me, lambda: client.page("task"), lambda: client.create("task", title="x"), client.delete_me):
        with pytest.raises(ApiError) as error:
            operation()
        rejections.add((error.value.status, error.value.code))
    assert len(rejections) == 1
    return rejections.pop()


UNAUTHENTICATED, UNAVAILABLE = (401, "UNAUTHENTICATED"), (503, "UNAVAILABLE")


@pytest.mark.parametrize("key", [ED, EC, EC384, RSA], ids=lambda key: str(key.algorithm))
def test_external_user_is_provisioned_on_first_use(make_client: ClientFactory, key: SigningKey) -> None:
    user_id = f"aB3_x-{uuid4().hex}|ü ;'\""
    email = f"{uuid4().hex}@Example.COM"
    user = {"id": user_id, "email": email, "name": "Zoë", "emailVerified": True, "image": None, "createdAt": "2026-01-01"}
    client = make_client(key.sign(user_id, **user))

    task = client.create("task", title="x")
    me = client.me()

    assert (me["id"], me["email"], me["name"], me["revision"]) == (user_id, email.lower(), "Zoë", 1)
    assert make_client(key.sign(user_id)).get("task", task["id"]) == task


def test_user_id_is_the_subject_only(make_client: ClientFactory) -> None:
    assert make_client(ED.sign("the subject", user_id="eve", id="eve")).me()["id"] == "the subject"


def test_one_matching_audience_of_several_is_sufficient(make_client: ClientFactory) -> None:
    assert make_client(ED.sign(uuid4().hex, aud=["https://other.example.com", AUDIENCE])).page("task") == []


def test_clock_skew_of_a_few_seconds_is_tolerated(make_client: ClientFactory) -> None:
    assert make_client(ED.sign(uuid4().hex, iat=int(time.time()) + 5, nbf=int(time.time()) + 5)).page("task") == []


def test_local_and_shared_secret_tokens_are_accepted_beside_an_external_issuer(
    make_client: ClientFactory, service: RunningService
) -> None:
    user = TestUser.register(service.url)

    assert make_client(user.token).me()["id"] == user.id
    assert make_client(sign_token({"user_id": "a"}, SECRET)).me()["id"] == "a"
    assert make_client(sign_token({"sub": "a", "iss": "https://third.example.com", "aud": "x"}, SECRET)).me()["id"] == "a"


def test_external_users_are_isolated_from_each_other(make_client: ClientFactory) -> None:
    task = make_client(ED.sign("one")).create("task", title="x")

    with pytest.raises(ApiError) as error:
        make_client(ED.sign("One")).get("task", task["id"])
    assert error.value.status == 404


def encode_token(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Return a token that no library would produce."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, **claims}
    head, body = (urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in (header, claims))
    return b".".join((head, body, urlsafe_b64encode(sign(head + b"." + body)).rstrip(b"="))).decode()


def sign_with_secret(secret: bytes, kid: str | None = ED.kid, **header_fields: Any) -> str:
    """Return a token signed with a secret, with the kid of a published key."""
    claims = header_fields.pop("claims", {})
    header = {"alg": "HS256", "kid": kid, **header_fields}
    header = {name: value for name, value in header.items() if value is not None}
    return encode_token(header, claims, lambda message: hmac.digest(secret, message, hashlib.sha256))


def sign_with_header(**header: Any) -> str:
    """Return a token signed with a published key, with these header fields."""
    return encode_token(header, {}, ED.private.sign)


def encode_unsigned(**header: Any) -> str:
    return encode_token(header, {}, lambda _: b"")


def change_subject(token: str) -> str:
    head, body, signature = token.split(".")
    claims = orjson.loads(urlsafe_b64decode(body + "=="))
    return f"{head}.{urlsafe_b64encode(orjson.dumps({**claims, 'sub': 'eve'})).decode().rstrip('=')}.{signature}"


PUBLIC = ED.private.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
NOW = int(time.time())
LOCAL_CLAIMS = {"iss": "todo", "jti": "x", "sid": str(uuid4())}
CONFUSIONS: dict[str, str] = {
    "the shared secret with the external issuer": sign_with_secret(SECRET.encode(), None),
    "the shared secret with the external issuer and kid": sign_with_secret(SECRET.encode()),
    "the public key as secret, raw": sign_with_secret(PUBLIC.public_bytes(Encoding.Raw, PublicFormat.Raw)),
    "the public key as secret, PEM": sign_with_secret(PEM),
    "the public key as secret, PEM without trailing newline": sign_with_secret(PEM.strip()),
    "the public key as secret, DER": sign_with_secret(PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "the public key as secret, its x parameter": sign_with_secret(ED.jwk["x"].encode()),
    "the public key as secret, JWK": sign_with_secret(orjson.dumps(ED.jwk)),
    "the public key as secret, of RSA": sign_with_secret(
        RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), RSA.kid
    ),
    "the public key as secret, alg EdDSA": sign_with_secret(PEM, alg="EdDSA"),
    "the empty secret": sign_with_secret(b""),
    "a published shared secret": sign_with_secret(b"o" * 32, "octets"),
    "unsigned": encode_unsigned(alg="none"),
    "unsigned, with kid": encode_unsigned(alg="none", kid=ED.kid),
    "unsigned, upper case": encode_unsigned(alg="NONE", kid=ED.kid),
    "no signature": ED.sign("ada").rsplit(".", 1)[0] + ".",
    "no alg": sign_with_header(kid=ED.kid),
    "alg HS256": sign_with_header(kid=ED.kid, alg="HS256"),
    "another alg than the key's": sign_with_header(kid=ED.kid, alg="ES256"),
    "another key's kid": ED.sign("ada", headers={"kid": EC.kid}),
    "another key's kid and alg": sign_with_header(kid=EC.kid, alg="ES256"),
    "an unpublished key with a published kid": UNPUBLISHED.sign("ada", headers={"kid": ED.kid}),
    "an unpublished key": UNPUBLISHED.sign("ada"),
    "a key for encryption": FOR_ENCRYPTION.sign("ada"),
    "no kid, several keys": ED.sign("ada", headers={"kid": None}),
    "kid that is a number": sign_with_header(kid=5, alg="EdDSA"),
    "kid that is a list": sign_with_header(kid=[ED.kid], alg="EdDSA"),
    "altered": change_subject(ED.sign("ada")),
    "critical extension": ED.sign("ada", headers={"crit": ["exp"], "exp": NOW + 600}),
    "empty list of critical extensions": ED.sign("ada", headers={"crit": []}),
    "a key in the header": UNPUBLISHED.sign("ada", headers={"jwk": UNPUBLISHED.jwk}),
    "a key in the header with a published kid": UNPUBLISHED.sign("ada", headers={"kid": ED.kid, "jwk": UNPUBLISHED.jwk}),
    "another issuer": ED.sign("ada", iss="https://other.example.com"),
    "a similar issuer": ED.sign("ada", iss=ISSUER + "/"),
    "local issuer": ED.sign("ada", **LOCAL_CLAIMS),
    "local issuer, alg HS256": encode_token({"alg": "HS256"}, LOCAL_CLAIMS, ED.private.sign),
    "no issuer": ED.sign("ada", iss=None),
    "two issuers": ED.sign("ada", iss=[ISSUER]),
    "two issuers and the shared secret": sign_with_secret(SECRET.encode(), None, claims={"iss": [ISSUER, "todo"]}),
    "another audience": ED.sign("ada", aud="https://other.example.com"),
    "other audiences": ED.sign("ada", aud=["https://other.example.com", AUDIENCE + "/"]),
    "an audience of the wrong type": ED.sign("ada", aud=[AUDIENCE, 5]),
    "a nested audience": ED.sign("ada", aud=[[AUDIENCE]]),
    "no audience": ED.sign("ada", aud=None),
    "no subject": ED.sign(None),
    "no subject but an id": ED.sign(None, id="ada", user_id="ada"),
    "the empty subject": ED.sign(""),
    "a subject in a list": ED.sign(["ada"]),
    "a subject that is a number": ED.sign(5),
    "a long subject": ED.sign("x" * 65),
    "a subject that cannot be stored": ED.sign("a\x00b"),
    "expired": ED.sign("ada", exp=NOW - 31),
    "no expiry": ED.sign("ada", exp=None),
    "an expiry of the wrong type": ED.sign("ada", exp="soon"),
    "no time of issue": ED.sign("ada", iat=None),
    "issued in the future": ED.sign("ada", iat=NOW + 3600),
    "not yet valid": ED.sign("ada", nbf=NOW + 3600),
}


def test_handmade_tokens_are_accepted(make_client: ClientFactory) -> None:
    """Control: the tokens below are rejected only because of what is wrong with them."""
    third = {"iss": "https://third.example.com"}

    assert make_client(sign_with_header(kid=ED.kid, alg="EdDSA")).me()["id"] == "ada"
    assert make_client(sign_with_secret(SECRET.encode(), None, claims=third)).me()["id"] == "ada"


@pytest.mark.parametrize("confusion", CONFUSIONS)
def test_confused_token_is_rejected(make_client: ClientFactory, confusion: str) -> None:
    assert rejection(make_client(CONFUSIONS[confusion])) == UNAUTHENTICATED


@pytest.mark.parametrize("parameter", ["jku", "x5u"])
@pytest.mark.parametrize("kid", [UNPUBLISHED.kid, ED.kid, None], ids=["its kid", "published kid", "no kid"])
def test_key_url_in_a_token_header_is_ignored(make_client: ClientFactory, parameter: str, kid: str | None) -> None:
    with run_jwks_server(UNPUBLISHED) as other_endpoint:
        token = UNPUBLISHED.sign("ada", headers={"kid": kid, parameter: other_endpoint.url})

        assert rejection(make_client(token)) == UNAUTHENTICATED
        assert other_endpoint.fetches == 0


@pytest.mark.parametrize("skew", [{"exp": -20}, {"iat": 20}, {"nbf": 20}], ids=str)
def test_time_claims_have_a_leeway_of_30_seconds(make_client: ClientFactory, skew: dict[str, int]) -> None:
    claims = {name: int(time.time()) + seconds for name, seconds in skew.items()}

    assert make_client(ED.sign("ada", **claims)).me()["id"] == "ada"


@pytest.mark.parametrize("published", ["EdDSA", "Ed25519", None])
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_both_names_of_the_ed25519_algorithm_are_accepted(
    api: type[ApiClient], database: PostgresServer, published: str | None, algorithm: str
) -> None:
    key = SigningKey.make(alg=published)
    with run_jwks_server(key) as endpoint, run_with_issuer(endpoint, database) as service, client_factory(api, service) as make:
        token = encode_token({"kid": key.kid, "alg": algorithm}, {}, key.private.sign)

        assert make(token).me()["id"] == "ada"
        assert rejection(make(change_subject(token))) == UNAUTHENTICATED


def test_cached_token_expires_to_the_second(make_client: ClientFactory) -> None:
    client = make_client(ED.sign("ada", exp=int(time.time()) - 28))
    assert client.me()["id"] == "ada"

    time.sleep(2.1)

    assert rejection(client) == UNAUTHENTICATED


def test_missing_kid_is_accepted_if_the_issuer_has_one_key(api: type[ApiClient], database: PostgresServer) -> None:
    with run_with_one_key(api, database) as (_, make_client):
        assert make_client(ED.sign("ada", headers={"kid": None})).me()["id"] == "ada"
        assert rejection(make_client(UNPUBLISHED.sign("ada", headers={"kid": None}))) == UNAUTHENTICATED


def test_key_rotation_is_followed_immediately(api: type[ApiClient], database: PostgresServer) -> None:
    """A token of the removed key is rejected, although its verification was cached."""
    with run_with_one_key(api, database) as (endpoint, make_client):
        old = make_client(ED.sign("ada"))
        assert old.me()["id"] == "ada"
        endpoint.keys = [EC]
        assert old.me()["id"] == "ada"

        assert make_client(EC.sign("ada")).me()["id"] == "ada"
        assert rejection(old) == UNAUTHENTICATED


def test_key_that_cannot_be_looked_up_yet_returns_503(api: type[ApiClient], database: PostgresServer) -> None:
    """Another unknown key was asked for a moment ago, so the issuer may have published the key of this token since."""
    with run_with_one_key(api, database) as (endpoint, make_client):
        assert make_client(ED.sign("ada")).me()["id"] == "ada"
        unknown = make_client(UNPUBLISHED.sign("ada"))
        assert rejection(unknown) == UNAUTHENTICATED
        endpoint.keys = [ED, EC]

        assert rejection(make_client(EC.sign("ada"))) == UNAVAILABLE
        response = make_client(EC.sign("ada")).http.get("/api/me/tasks")
        assert rejection(unknown) == UNAUTHENTICATED

    assert 1 <= int(response.headers["Retry-After"]) <= 10


def test_reused_kid_revokes_tokens_of_the_replaced_key(api: type[ApiClient], database: PostgresServer) -> None:
    with run_with_one_key(api, database) as (endpoint, make_client):
        old = make_client(ED.sign("ada"))
        assert old.me()["id"] == "ada"
        endpoint.keys = [SigningKey.make(kid=ED.kid), EC]

        assert make_client(EC.sign("ada")).me()["id"] == "ada"
        assert rejection(old) == UNAUTHENTICATED


def test_cached_keys_are_used_while_jwks_endpoint_is_down(api: type[ApiClient], database: PostgresServer) -> None:
    with run_with_one_key(api, database) as (endpoint, make_client):
        assert make_client(ED.sign("ada")).me()["id"] == "ada"
        endpoint.respond = lambda handler: send_response(handler, b"", 500)

        assert rejection(make_client(EC.sign("ada"))) == UNAVAILABLE
        assert make_client(ED.sign("eve")).me()["id"] == "eve"


def test_no_cached_keys_returns_503(api: type[ApiClient], database: PostgresServer, log: LogCapture) -> None:
    """The service starts nevertheless, and accepts tokens that need no key."""
    with run_jwks_server(ED) as endpoint:
        endpoint.respond = lambda handler: send_response(handler, b"", 404)
        with run_with_issuer(endpoint, database) as service, client_factory(api, service) as make_client:
            assert rejection(make_client(ED.sign("ada"))) == UNAVAILABLE
            assert rejection(make_client(sign_with_secret(SECRET.encode()))) == UNAVAILABLE
            user = TestUser.register(service.url)
            assert make_client(user.token).me()["id"] == user.id
            response = httpx.get(f"{service.url}/api/me/tasks", headers={"Authorization": f"Bearer {ED.sign('a')}"}, verify=TLS)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert any("JWKS refresh failed: invalid response: status 404; no keys cached" in line for line in log.captured)


def test_unknown_kids_do_not_block_other_requests(database: PostgresServer) -> None:
    """While 200 requests wait for an endpoint that hangs, other requests are served, and only one fetch is sent."""
    is_hanging = threading.Event()

    def hang(_: object) -> None:
        is_hanging.set()
        jwks_server.released.wait(30)

    async def send_requests(url: str, local_token: str) -> None:
        limits = httpx.Limits(max_connections=300)
        async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=30, limits=limits) as http:

            async def request(token: str) -> int:
                return (await http.get("/api/me/tasks", headers={"Authorization": f"Bearer {token}"})).status_code

            known = ED.sign("ada")
            assert await request(known) == 200
            jwks_server.respond = hang
            waiting = [asyncio.create_task(request(ED.sign("ada", headers={"kid": uuid4().hex}))) for _ in range(200)]
            assert await asyncio.to_thread(is_hanging.wait, 10)
            assert [await request(token) for token in (known, local_token, ED.sign("eve")) * 3] == [200] * 9
            assert not any(task.done() for task in waiting)
            assert set(await asyncio.gather(*waiting)) == {503}
            assert {await request(ED.sign("ada", headers={"kid": uuid4().hex})) for _ in range(50)} == {503}

    with run_jwks_server(ED) as jwks_server, run_with_issuer(jwks_server, database) as service:
        began = time.monotonic()
        asyncio.run(send_requests(service.url, TestUser.register(service.url).token))

        # At startup and for the 200; then every 10 seconds at most one retry and one for an unknown kid.
        assert jwks_server.fetches <= 2 + 2 * (time.monotonic() - began) // 10


def test_100_requests_with_a_rotated_key_share_one_fetch(api: type[ApiClient], database: PostgresServer) -> None:
    with run_with_one_key(api, database) as (endpoint, make_client):
        assert make_client(ED.sign("ada")).me()["id"] == "ada"
        endpoint.keys = [ED, EC]
        clients = [make_client(EC.sign(f"user {number}")) for number in range(100)]
        with ThreadPoolExecutor(100) as pool:
            assert len({user["id"] for user in pool.map(lambda client: client.me(), clients)}) == 100
        assert endpoint.fetches == 2


def hang_until_released(endpoint: JwksEndpoint) -> Callable[[object], None]:
    def hang(_: object) -> None:
        endpoint.released.wait(30)

    return hang


def test_service_starts_and_stops_while_jwks_endpoint_hangs(database: PostgresServer, log: LogCapture) -> None:
    threads = set(threading.enumerate())
    with run_jwks_server(ED) as endpoint:
        endpoint.respond = hang_until_released(endpoint)
        with run_with_issuer(endpoint, database) as service:
            assert httpx.get(f"{service.url}/health", verify=TLS).status_code == 200
            assert not any("JWKS refresh failed" in line for line in log.captured)  # startup did not wait for the first fetch
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 2
    names = [thread.name for thread in set(threading.enumerate()) - threads]

    # The endpoint has a thread for each connection; the thread pool that hashes passwords remains until exit.
    assert [name for name in names if not re.search(r"process_request_thread|^password", name)] == []


BOUND = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada"}


@pytest.mark.parametrize(
    ("settings", "rejected", "accepted"),
    [
        ({"jwt_issuer": ISSUER}, [{"iss": None}, {"iss": ISSUER + "/"}, {"iss": [ISSUER]}], [{"aud": None}, {"aud": "x"}]),
        ({"jwt_audience": AUDIENCE}, [{"aud": None}, {"aud": "x"}, {"aud": ["x"]}], [{"iss": None}, {"aud": ["x", AUDIENCE]}]),
        ({"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}, [{"iss": None}, {"aud": None}], [{}, {"sub": None, "user_id": 5}]),
    ],
    ids=["issuer", "audience", "both"],
)
def test_issuer_and_audience_apply_to_shared_secret_tokens_without_jwks_url(
    api: type[ApiClient],
    database: PostgresServer,
    settings: dict[str, str],
    rejected: list[dict[str, Any]],
    accepted: list[dict[str, Any]],
) -> None:
    with run_service(settings_for(database, **settings), database) as service, client_factory(api, service) as make_client:
        for claims in rejected:
            assert rejection(make_client(sign_with_secret(SECRET.encode(), None, claims={**BOUND, **claims}))) == UNAUTHENTICATED
        for claims in accepted:
            assert make_client(sign_token({**BOUND, **claims}, SECRET)).page("task") == []
        assert rejection(make_client(ED.sign("ada"))) == UNAUTHENTICATED
        user = TestUser.register(service.url)
        assert make_client(user.token).me()["id"] == user.id
