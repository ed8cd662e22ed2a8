"""What every request needs and no request makes: the database, the passwords, the gate, the reception."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from limits.errors import ConfigurationError

from api.checkup import Checkup
from api.concurrency_limit import UserConcurrencyLimit
from api.settings import Settings, SettingsError
from models.database import Database, make_engine
from models.embedded import embedded_postgres
from models.migrate import migrate
from models.readiness import check_readiness
from models.statements import count_statements_of
from services.gate import Gate
from services.keys.issuers import Issuer, SharedSecret
from services.keys.key_set import KeySet
from services.limits.counting import Counts, SharedCounts
from services.limits.quotas import Quotas
from services.passwords import Passwords
from services.reception import Reception
from services.tokens import Tokens


@dataclass(frozen=True, slots=True)
class House:
    """Built once, when the service starts."""

    database: Database
    passwords: Passwords
    gate: Gate
    reception: Reception
    quotas: Quotas
    checkup: Checkup
    concurrency_limit: UserConcurrencyLimit


@contextmanager
def running_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the owner's URL and the service's; without a DATABASE_URL, of an embedded PostgreSQL that runs meanwhile."""
    if settings.database_url is None:
        with embedded_postgres(settings.data_dir.resolve()) as urls:
            yield urls
        return
    service = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    yield (owner.get_secret_value() if owner else service), service


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    """Build the house on its database, migrating an embedded one. Raises NotReady where the service must not run."""
    with running_database(settings) as (owner, service):
        if settings.database_url is None:
            migrate(owner)
        engine = make_engine(service, pool_size=settings.database_pool_size)
        try:
            check_readiness(engine)
            count_statements_of(engine)
            issuer = _issuer(settings)
            with issuer.keys.running() if issuer else nullcontext():
                yield _house(Database(engine, statement_timeout=settings.statement_timeout_ms), settings, issuer)
        finally:
            engine.dispose()


def _issuer(settings: Settings) -> Issuer | None:
    """Return the issuer whose keys are published, if one is set. Its keys are fetched once they are `running`."""
    if not (settings.jwks_url and settings.jwt_issuer and settings.jwt_audience):
        return None
    return Issuer(settings.jwt_issuer, settings.jwt_audience, KeySet(settings.jwks_url))


def _house(database: Database, settings: Settings, issuer: Issuer | None) -> House:
    passwords = Passwords(settings.max_password_hashes)
    # An issuer with keys of its own has its own issuer and audience; otherwise they bind those who share the secret.
    bounds = (settings.jwt_issuer, settings.jwt_audience) if issuer is None else (None, None)
    shared = SharedSecret(settings.secret(), *bounds)
    tokens = Tokens(settings.secret(), timedelta(minutes=settings.access_token_expire_minutes), shared, issuer)
    session_lifetime = timedelta(days=settings.refresh_token_expire_days)
    reception = Reception(database, passwords, tokens, session_lifetime)
    limit = UserConcurrencyLimit(max(1, settings.database_pool_size // 2))
    return House(database, passwords, Gate(database, tokens), reception, _quotas(settings), Checkup(database.engine), limit)


def _quotas(settings: Settings) -> Quotas:
    url = settings.redis_url()
    try:
        return Quotas(settings.rate_limits(), Counts() if url is None else SharedCounts(url))
    except ConfigurationError:
        raise SettingsError("RATE_LIMIT_STORAGE needs the package redis: pip install '.[redis]'") from None
