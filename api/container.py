"""What every request needs and no request makes: the database, the passwords, the gate, the reception."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from limits.errors import ConfigurationError

from api.concurrency_limit import UserConcurrencyLimit
from api.readiness_probe import ReadinessProbe
from api.settings import Settings, SettingsError
from models.database import Database, make_engine, parse_url
from models.embedded_postgres import embedded_postgres
from models.migrate import migrate
from models.readiness import check_readiness
from models.statement_counter import attach_statement_counter
from services.auth.access_tokens import AccessTokens
from services.auth.authenticator import Authenticator
from services.auth.jwks.cache import JwksCache
from services.auth.jwks.verifiers import JwksVerifier, SharedSecretVerifier
from services.auth.login import AuthService
from services.auth.password_hashing import PasswordHasher
from services.rate_limiting.limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class Container:
    """Built once, when the service starts."""

    database: Database
    password_hasher: PasswordHasher
    authenticator: Authenticator
    auth_service: AuthService
    rate_limiter: RateLimiter
    readiness_probe: ReadinessProbe
    concurrency_limit: UserConcurrencyLimit
    jwks: JwksCache | None  # its refresh runs in the lifespan


@contextmanager
def migration_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the URL of the database to migrate, as its owner, and a description without secrets.

    That is MIGRATION_DATABASE_URL, else DATABASE_URL, else the embedded PostgreSQL, which runs meanwhile.
    """
    configured = settings.migration_database_url or settings.database_url
    if configured is not None:
        url = parse_url(configured.get_secret_value())
        yield configured.get_secret_value(), f"Database {url.database or ''} on {url.host or 'localhost'}"
        return
    with embedded_postgres(settings.data_dir.resolve()) as (owner, _):
        yield owner, f"Embedded database in {settings.data_dir}"


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
def open_container(settings: Settings) -> Iterator[Container]:
    """Build the house on its database, migrating an embedded one. Raises NotReady where the service must not run."""
    with running_database(settings) as (owner, service):
        if settings.database_url is None:
            migrate(owner)
        engine = make_engine(service, pool_size=settings.database_pool_size)
        try:
            check_readiness(engine)
            attach_statement_counter(engine)
            yield _build_container(
                Database(engine, statement_timeout=settings.statement_timeout_ms), settings, _build_issuer(settings)
            )
        finally:
            engine.dispose()


def _build_issuer(settings: Settings) -> JwksVerifier | None:
    """Return the verifier of the external issuer if one is configured."""
    if not (settings.jwks_url and settings.jwt_issuer and settings.jwt_audience):
        return None
    return JwksVerifier(settings.jwt_issuer, settings.jwt_audience, JwksCache(settings.jwks_url))


def _build_container(database: Database, settings: Settings, issuer: JwksVerifier | None) -> Container:
    passwords = PasswordHasher(settings.password_hash_concurrency)
    # An issuer with keys of its own has its own issuer and audience; otherwise they bind those who share the secret.
    bounds = (settings.jwt_issuer, settings.jwt_audience) if issuer is None else (None, None)
    shared = SharedSecretVerifier(settings.secret(), *bounds)
    tokens = AccessTokens(settings.secret(), timedelta(minutes=settings.access_token_expire_minutes), shared, issuer)
    session_lifetime = timedelta(days=settings.refresh_token_expire_days)
    reception = AuthService(database, passwords, tokens, session_lifetime)
    return Container(
        database=database,
        password_hasher=passwords,
        authenticator=Authenticator(database, tokens),
        auth_service=reception,
        rate_limiter=_rate_limiter(settings),
        readiness_probe=ReadinessProbe(database.engine),
        concurrency_limit=UserConcurrencyLimit(max(1, settings.database_pool_size // 2)),
        jwks=issuer.jwks if issuer else None,
    )


def _rate_limiter(settings: Settings) -> RateLimiter:
    try:
        return RateLimiter(settings.rate_limits(), settings.redis_url())
    except ConfigurationError:
        raise SettingsError("RATE_LIMIT_STORAGE_URL requires the package redis: pip install '.[redis]'") from None
