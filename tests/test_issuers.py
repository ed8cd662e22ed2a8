"""Tokens of another issuer, at both doors: whom they let in, and every way in which one may not be confused with another."""

import asyncio
import hashlib
import hmac
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.issuer import AUDIENCE, NAME, Endpoint, SigningKey, send, serving_keys
from tests.support.api_clients import TLS
from tests.support.api_clients import ApiClient as Door
from tests.support.api_clients import ApiError as DoorError
from tests.support.api_clients import GraphQLClient as GraphQLDoor
from tests.support.api_clients import RestClient as RestDoor
from tests.support.service import SECRET, settings_for
from tests.support.service import LogCapture as LogLines
from tests.support.service import PostgresServer as Cluster
from tests.support.service import RunningService as Service
from tests.support.service import run_service as serving
from tests.support.users import TestUser as Person
from tests.support.users import sign_token as signed

ED, EC, EC384, RSA, STRANGER = (SigningKey.make(kind) for kind in ("EdDSA", "ES256", "ES384", "RS256", "EdDSA"))
FOR_ENCRYPTION = SigningKey.make("EdDSA", use="enc")
OCTETS = {"kty": "oct", "kid": "octets", "alg": "HS256", "k": urlsafe_b64encode(b"o" * 32).decode().rstrip("=")}

Doors = Callable[..., Door]


@contextmanager
def house_of(endpoint: Endpoint, database: Cluster, **more: object) -> Iterator[Service]:
    """Serve, with this issuer's tokens taken."""
    settings = settings_for(database, jwks_url=endpoint.url, jwt_issuer=NAME, jwt_audience=AUDIENCE, **more)
    with serving(settings, database) as running:
        yield running


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """Publish keys of every kind that is taken, and some that are not."""
    octets = SigningKey("octets", "HS256", None, OCTETS)
    with serving_keys(ED, EC, EC384, RSA, FOR_ENCRYPTION, octets) as serving_all:
        yield serving_all


@pytest.fixture(scope="module")
def house(endpoint: Endpoint, cluster: Cluster) -> Iterator[Service]:
    """The service that most tests here share."""
    with house_of(endpoint, cluster.copy("template_todo")) as running:
        yield running


@pytest.fixture(params=[RestDoor, GraphQLDoor], ids=["rest", "graphql"])
def kind(request: pytest.FixtureRequest) -> type[Door]:
    """One door, then the other."""
    door: type[Door] = request.param
    return door


@pytest.fixture
def enter(kind: type[Door], house: Service) -> Iterator[Doors]:
    """Open that door of the shared service."""
    with entering(kind, house) as doors:
        yield doors


@contextmanager
def entering(kind: type[Door], service: Service) -> Iterator[Doors]:
    opened: list[Door] = []

    def enter(token: str) -> Door:
        opened.append(kind(service.url, token))
        return opened[-1]

    yield enter
    for door in opened:
        door.close()


def refusal(door: Door) -> tuple[int, str]:
    """Try everything; return how it is refused, which must be the same everywhere."""
    told = set()
    for act in (door.me, lambda: door.page("task"), lambda: door.create("task", title="x"), door.delete_me):
        with pytest.raises(DoorError) as refused:
            act()
        told.add((refused.value.status, refused.value.code))
    assert len(told) == 1
    return told.pop()


UNAUTHENTICATED, UNAVAILABLE = (401, "UNAUTHENTICATED"), (503, "UNAVAILABLE")


@pytest.mark.parametrize("key", [ED, EC, EC384, RSA], ids=lambda key: str(key.algorithm))
def test_a_token_opens_an_account_on_first_use(enter: Doors, key: SigningKey) -> None:
    user_id = f"aB3_x-{uuid4().hex}|ü ;'\""
    email = f"{uuid4().hex}@Example.COM"
    user = {"id": user_id, "email": email, "name": "Zoë", "emailVerified": True, "image": None, "createdAt": "2026-01-01"}
    door = enter(key.sign(user_id, **user))

    task = door.create("task", title="x")
    me = door.me()

    assert (me["id"], me["email"], me["name"], me["revision"]) == (user_id, email.lower(), "Zoë", 1)
    assert enter(key.sign(user_id)).get("task", task["id"]) == task


def test_the_subject_alone_names_the_user(enter: Doors) -> None:
    assert enter(ED.sign("the subject", user_id="eve", id="eve")).me()["id"] == "the subject"


def test_one_of_several_audiences_is_enough(enter: Doors) -> None:
    assert enter(ED.sign(uuid4().hex, aud=["https://other.example.com", AUDIENCE])).page("task") == []


def test_a_clock_a_little_ahead_is_borne_with(enter: Doors) -> None:
    assert enter(ED.sign(uuid4().hex, iat=int(time.time()) + 5, nbf=int(time.time()) + 5)).page("task") == []


def test_tokens_of_the_house_and_of_the_shared_secret_are_good_as_before(enter: Doors, house: Service) -> None:
    ada = Person.register(house.url)

    assert enter(ada.token).me()["id"] == ada.id
    assert enter(signed({"user_id": "a"}, SECRET)).me()["id"] == "a"
    assert enter(signed({"sub": "a", "iss": "https://third.example.com", "aud": "x"}, SECRET)).me()["id"] == "a"


def test_users_of_the_issuer_do_not_see_each_other(enter: Doors) -> None:
    task = enter(ED.sign("one")).create("task", title="x")

    with pytest.raises(DoorError) as refused:
        enter(ED.sign("One")).get("task", task["id"])
    assert refused.value.status == 404


def by_hand(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Put a token together that no library would."""
    now = int(time.time())
    claims = {"iss": NAME, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, **claims}
    head, body = (urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in (header, claims))
    return b".".join((head, body, urlsafe_b64encode(sign(head + b"." + body)).rstrip(b"="))).decode()


def with_secret(secret: bytes, kid: str | None = ED.kid, **more: Any) -> str:
    """Sign with a secret, in a key's name."""
    claims = more.pop("claims", {})
    header = {"alg": "HS256", "kid": kid, **more}
    given = {name: value for name, value in header.items() if value is not None}
    return by_hand(given, claims, lambda message: hmac.digest(secret, message, hashlib.sha256))


def told(**header: Any) -> str:
    """Sign with a listed key, under any header."""
    return by_hand(header, {}, ED.private.sign)


def unsigned(**header: Any) -> str:
    return by_hand(header, {}, lambda _: b"")


def altered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = orjson.loads(urlsafe_b64decode(body + "=="))
    return f"{head}.{urlsafe_b64encode(orjson.dumps({**claims, 'sub': 'eve'})).decode().rstrip('=')}.{signature}"


PUBLIC = ED.private.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
NOW = int(time.time())
OURS = {"iss": "todo", "jti": "x", "sid": str(uuid4())}
CONFUSIONS: dict[str, str] = {
    "the shared secret in the issuer's name": with_secret(SECRET.encode(), None),
    "the shared secret in the issuer's name and its key's": with_secret(SECRET.encode()),
    "the public key as secret, raw": with_secret(PUBLIC.public_bytes(Encoding.Raw, PublicFormat.Raw)),
    "the public key as secret, PEM": with_secret(PEM),
    "the public key as secret, PEM without its last line end": with_secret(PEM.strip()),
    "the public key as secret, DER": with_secret(PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "the public key as secret, its coordinate": with_secret(ED.jwk["x"].encode()),
    "the public key as secret, JWK": with_secret(orjson.dumps(ED.jwk)),
    "the public key as secret, of RSA": with_secret(
        RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), RSA.kid
    ),
    "the public key as secret, told to be EdDSA": with_secret(PEM, alg="EdDSA"),
    "the empty secret": with_secret(b""),
    "a secret that is published": with_secret(b"o" * 32, "octets"),
    "unsigned": unsigned(alg="none"),
    "unsigned, with a key": unsigned(alg="none", kid=ED.kid),
    "unsigned, in capitals": unsigned(alg="NONE", kid=ED.kid),
    "no signature": ED.sign("ada").rsplit(".", 1)[0] + ".",
    "no alg": told(kid=ED.kid),
    "told to be HS256": told(kid=ED.kid, alg="HS256"),
    "another alg than the key's": told(kid=ED.kid, alg="ES256"),
    "another key's name": ED.sign("ada", headers={"kid": EC.kid}),
    "another key's name and alg": told(kid=EC.kid, alg="ES256"),
    "an unlisted key in a listed one's name": STRANGER.sign("ada", headers={"kid": ED.kid}),
    "an unlisted key": STRANGER.sign("ada"),
    "a key for encryption": FOR_ENCRYPTION.sign("ada"),
    "no key named, of several": ED.sign("ada", headers={"kid": None}),
    "a key named by a number": told(kid=5, alg="EdDSA"),
    "a key named by a list": told(kid=[ED.kid], alg="EdDSA"),
    "altered": altered(ED.sign("ada")),
    "something critical": ED.sign("ada", headers={"crit": ["exp"], "exp": NOW + 600}),
    "nothing critical": ED.sign("ada", headers={"crit": []}),
    "a key in the header": STRANGER.sign("ada", headers={"jwk": STRANGER.jwk}),
    "a key in the header, in a listed one's name": STRANGER.sign("ada", headers={"kid": ED.kid, "jwk": STRANGER.jwk}),
    "another issuer": ED.sign("ada", iss="https://other.example.com"),
    "an issuer alike": ED.sign("ada", iss=NAME + "/"),
    "our own name": ED.sign("ada", **OURS),
    "our own name, told to be HS256": by_hand({"alg": "HS256"}, OURS, ED.private.sign),
    "no issuer": ED.sign("ada", iss=None),
    "two issuers": ED.sign("ada", iss=[NAME]),
    "two issuers and the shared secret": with_secret(SECRET.encode(), None, claims={"iss": [NAME, "todo"]}),
    "another audience": ED.sign("ada", aud="https://other.example.com"),
    "other audiences": ED.sign("ada", aud=["https://other.example.com", AUDIENCE + "/"]),
    "a strange audience": ED.sign("ada", aud=[AUDIENCE, 5]),
    "a nested audience": ED.sign("ada", aud=[[AUDIENCE]]),
    "no audience": ED.sign("ada", aud=None),
    "no subject": ED.sign(None),
    "no subject but an id": ED.sign(None, id="ada", user_id="ada"),
    "the empty subject": ED.sign(""),
    "a subject in a list": ED.sign(["ada"]),
    "a subject that is a number": ED.sign(5),
    "a long subject": ED.sign("x" * 65),
    "a subject that cannot be stored": ED.sign("a\x00b"),
    "expired": ED.sign("ada", exp=NOW - 1),
    "no expiry": ED.sign("ada", exp=None),
    "a strange expiry": ED.sign("ada", exp="soon"),
    "no time of issue": ED.sign("ada", iat=None),
    "issued in the future": ED.sign("ada", iat=NOW + 3600),
    "not yet valid": ED.sign("ada", nbf=NOW + 3600),
}


def test_what_is_put_together_by_hand_is_put_together_well(enter: Doors) -> None:
    """So that what is refused below is refused for what is wrong with it."""
    third = {"iss": "https://third.example.com"}

    assert enter(told(kid=ED.kid, alg="EdDSA")).me()["id"] == "ada"
    assert enter(with_secret(SECRET.encode(), None, claims=third)).me()["id"] == "ada"


@pytest.mark.parametrize("confusion", CONFUSIONS)
def test_a_confused_token_opens_nothing(enter: Doors, confusion: str) -> None:
    assert refusal(enter(CONFUSIONS[confusion])) == UNAUTHENTICATED


@pytest.mark.parametrize("parameter", ["jku", "x5u"])
@pytest.mark.parametrize("named", [STRANGER.kid, ED.kid, None], ids=["its name", "a listed name", "no name"])
def test_no_address_in_a_token_is_followed(enter: Doors, parameter: str, named: str | None) -> None:
    with serving_keys(STRANGER) as elsewhere:
        token = STRANGER.sign("ada", headers={"kid": named, parameter: elsewhere.url})

        assert refusal(enter(token)) == UNAUTHENTICATED
        assert elsewhere.fetches == 0


def test_a_token_in_use_expires_to_the_second(enter: Doors) -> None:
    door = enter(ED.sign("ada", exp=int(time.time()) + 2))
    assert door.me()["id"] == "ada"

    time.sleep(2.1)

    assert refusal(door) == UNAUTHENTICATED


def test_a_sole_key_need_not_be_named(kind: type[Door], database: Cluster) -> None:
    with serving_keys(ED) as endpoint, house_of(endpoint, database) as house, entering(kind, house) as enter:
        assert enter(ED.sign("ada", headers={"kid": None})).me()["id"] == "ada"
        assert refusal(enter(STRANGER.sign("ada", headers={"kid": None}))) == UNAUTHENTICATED


def test_a_rotation_is_followed_at_once(kind: type[Door], database: Cluster) -> None:
    """The token in use of the removed key dies, though it was remembered."""
    with serving_keys(ED) as endpoint, house_of(endpoint, database) as house, entering(kind, house) as enter:
        old = enter(ED.sign("ada"))
        assert old.me()["id"] == "ada"
        endpoint.keys = [EC]
        assert old.me()["id"] == "ada"

        assert enter(EC.sign("ada")).me()["id"] == "ada"
        assert refusal(old) == UNAUTHENTICATED


def test_a_name_given_to_another_key_ends_the_first_ones_tokens(kind: type[Door], database: Cluster) -> None:
    with serving_keys(ED) as endpoint, house_of(endpoint, database) as house, entering(kind, house) as enter:
        old = enter(ED.sign("ada"))
        assert old.me()["id"] == "ada"
        endpoint.keys = [SigningKey.make(kid=ED.kid), EC]

        assert enter(EC.sign("ada")).me()["id"] == "ada"
        assert refusal(old) == UNAUTHENTICATED


def test_known_keys_open_while_the_endpoint_is_away(kind: type[Door], database: Cluster) -> None:
    with serving_keys(ED) as endpoint, house_of(endpoint, database) as house, entering(kind, house) as enter:
        assert enter(ED.sign("ada")).me()["id"] == "ada"
        endpoint.answer = lambda handler: send(handler, b"", 500)

        assert refusal(enter(EC.sign("ada"))) == UNAVAILABLE
        assert enter(ED.sign("eve")).me()["id"] == "eve"


def test_before_the_first_fetch_it_cannot_be_told(kind: type[Door], database: Cluster, log: LogLines) -> None:
    """The service starts all the same, and what needs no key is answered."""
    with serving_keys(ED) as endpoint:
        endpoint.answer = lambda handler: send(handler, b"", 404)
        with house_of(endpoint, database) as house, entering(kind, house) as enter:
            assert refusal(enter(ED.sign("ada"))) == UNAVAILABLE
            assert refusal(enter(with_secret(SECRET.encode()))) == UNAVAILABLE
            ada = Person.register(house.url)
            assert enter(ada.token).me()["id"] == ada.id
            answer = httpx.get(f"{house.url}/api/me/tasks", headers={"Authorization": f"Bearer {ED.sign('a')}"}, verify=TLS)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert any("were not fetched" in line and "its status is 404" in line for line in log.heard)


def test_unknown_keys_hold_up_nobody_else(database: Cluster) -> None:
    """Hundreds wait for an endpoint that hangs; meanwhile everybody else is answered, and the endpoint is asked once more."""
    hanging = threading.Event()

    def hang(_: object) -> None:
        hanging.set()
        serving_one.released.wait(30)

    async def crowd(url: str, local: str) -> None:
        limits = httpx.Limits(max_connections=300)
        async with httpx.AsyncClient(base_url=url, verify=TLS, timeout=30, limits=limits) as http:

            async def ask(token: str) -> int:
                return (await http.get("/api/me/tasks", headers={"Authorization": f"Bearer {token}"})).status_code

            known = ED.sign("ada")
            assert await ask(known) == 200
            serving_one.answer = hang
            waiting = [asyncio.create_task(ask(ED.sign("ada", headers={"kid": uuid4().hex}))) for _ in range(200)]
            assert await asyncio.to_thread(hanging.wait, 10)
            assert [await ask(token) for token in (known, local, ED.sign("eve")) * 3] == [200] * 9
            assert not any(task.done() for task in waiting)
            assert set(await asyncio.gather(*waiting)) == {503}
            assert {await ask(ED.sign("ada", headers={"kid": uuid4().hex})) for _ in range(50)} == {503}

    with serving_keys(ED) as serving_one, house_of(serving_one, database) as house:
        began = time.monotonic()
        asyncio.run(crowd(house.url, Person.register(house.url).token))

        # The first, the one asked for, and in 10 seconds again at most one by itself and one asked for.
        assert serving_one.fetches <= 2 + 2 * (time.monotonic() - began) // 10


BOUND = {"iss": NAME, "aud": AUDIENCE, "sub": "ada"}


@pytest.mark.parametrize(
    ("bounds", "refused", "taken"),
    [
        ({"jwt_issuer": NAME}, [{"iss": None}, {"iss": NAME + "/"}, {"iss": [NAME]}], [{"aud": None}, {"aud": "x"}]),
        ({"jwt_audience": AUDIENCE}, [{"aud": None}, {"aud": "x"}, {"aud": ["x"]}], [{"iss": None}, {"aud": ["x", AUDIENCE]}]),
        ({"jwt_issuer": NAME, "jwt_audience": AUDIENCE}, [{"iss": None}, {"aud": None}], [{}, {"sub": None, "user_id": 5}]),
    ],
    ids=["issuer", "audience", "both"],
)
def test_without_keys_the_bounds_are_those_of_the_shared_secret(
    kind: type[Door], database: Cluster, bounds: dict[str, str], refused: list[dict[str, Any]], taken: list[dict[str, Any]]
) -> None:
    with serving(settings_for(database, **bounds), database) as service, entering(kind, service) as enter:
        for claims in refused:
            assert refusal(enter(with_secret(SECRET.encode(), None, claims={**BOUND, **claims}))) == UNAUTHENTICATED
        for claims in taken:
            assert enter(signed({**BOUND, **claims}, SECRET)).page("task") == []
        assert refusal(enter(ED.sign("ada"))) == UNAUTHENTICATED
        ada = Person.register(service.url)
        assert enter(ada.token).me()["id"] == ada.id
