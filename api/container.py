"""Dependency container: the objects that all requests share, built from the settings at startup."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from limits.errors import ConfigurationError

from api.concurrency.user_slots import UserSlots
from api.readiness_probe import ReadinessProbe
from api.settings import Settings, SettingsError
from models.database import Database, make_engine, parse_url
from models.embedded_postgres import embedded_postgres
from models.migrate import migrate
from models.readiness import check_migrated, check_readiness
from models.row_level_security.policies import MAINTENANCE_ROLE
from models.sql.statement_counter import attach_statement_counter
from services.accounts.deletion_worker import DeletionWorker
from services.auth.access_tokens import AccessTokens
from services.auth.authenticator import Authenticator
from services.auth.jwks.cache import JwksCache
from services.auth.jwks.verifiers import JwksVerifier, SharedSecretVerifier
from services.auth.last_use import LastUse
from services.auth.login import AuthService
from services.auth.login_threads import LoginThreads
from services.auth.password_hashing import PasswordHasher
from services.rate_limiting.limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class Container:
    """Objects that all requests share."""

    database: Database
    password_hasher: PasswordHasher
    authenticator: Authenticator
    auth_service: AuthService
    login_threads: LoginThreads
    rate_limiter: RateLimiter
    readiness_probe: ReadinessProbe
    user_slots: UserSlots
    # The lifespan of the app runs the tasks of these three.
    deletion_worker: DeletionWorker
    last_use: LastUse
    jwks: JwksCache | None


@contextmanager
def migration_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the owner's URL of the database to migrate, and a description without secrets.

    The URL is MIGRATION_DATABASE_URL, else DATABASE_URL, else that of the embedded PostgreSQL, which runs inside the context.
    """
    configured = settings.migration_database_url or settings.database_url
    if configured is not None:
        url = parse_url(configured.get_secret_value())
        yield configured.get_secret_value(), f"Database {url.database or ''} on {url.host or 'localhost'}"
        return
    with embedded_postgres(settings.data_dir.resolve()) as (owner_url, _):
        yield owner_url, f"Embedded database in {settings.data_dir}"


@contextmanager
def maintenance_database(settings: Settings) -> Iterator[tuple[Database, str]]:
    """Yield transactions with the maintenance role on the database to migrate, and its description. Raises NotReadyError."""
    with migration_database(settings) as (owner_url, description):
        engine = make_engine(owner_url, pool_size=1)
        try:
            check_migrated(engine)
            yield Database(engine, statement_timeout=settings.statement_timeout_ms, role=MAINTENANCE_ROLE), description
        finally:
            engine.dispose()


@contextmanager
def running_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the owner's URL and the service's URL; without DATABASE_URL, run an embedded PostgreSQL inside the context."""
    if settings.database_url is None:
        with embedded_postgres(settings.data_dir.resolve()) as (owner_url, service_url):
            yield owner_url, service_url
        return
    service_url = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    yield (owner.get_secret_value() if owner else service_url), service_url


@contextmanager
def open_container(settings: Settings) -> Iterator[Container]:
    """Build the container on its database; migrate an embedded one. Close it at the end. Raises NotReadyError, SettingsError."""
    with running_database(settings) as (owner_url, service_url):
        if settings.database_url is None:
            migrate(owner_url)
        engine = make_engine(service_url, pool_size=settings.database_pool_size)
        try:
            check_readiness(engine)
            attach_statement_counter(engine)
            yield _build_container(
                Database(engine, statement_timeout=settings.statement_timeout_ms), settings, _build_issuer(settings)
            )
        finally:
            engine.dispose()


def _build_issuer(settings: Settings) -> JwksVerifier | None:
    """Return the verifier of the external issuer; None if none is configured."""
    if not (settings.jwks_url and settings.jwt_issuer and settings.jwt_audience):
        return None
    return JwksVerifier(settings.jwt_issuer, settings.jwt_audience, JwksCache(settings.jwks_url))


def _build_container(database: Database, settings: Settings, issuer: JwksVerifier | None) -> Container:
    passwords = PasswordHasher(settings.password_hash_concurrency)
    # JWT_ISSUER and JWT_AUDIENCE apply to the JWKS issuer if there is one, else to tokens signed with the shared secret.
    issuer_and_audience = (settings.jwt_issuer, settings.jwt_audience) if issuer is None else (None, None)
    shared = SharedSecretVerifier(settings.secret(), *issuer_and_audience)
    tokens = AccessTokens(settings.secret(), timedelta(minutes=settings.access_token_expire_minutes), shared, issuer)
    last_use, limiter = LastUse(database), _build_rate_limiter(settings)
    session_lifetime = timedelta(days=settings.refresh_token_expire_days)
    return Container(
        database=database,
        password_hasher=passwords,
        authenticator=Authenticator(database, tokens, last_use),
        auth_service=AuthService(database, passwords, tokens, session_lifetime),
        login_threads=LoginThreads(settings.password_hash_concurrency),
        rate_limiter=limiter,
        readiness_probe=ReadinessProbe(database.engine),
        user_slots=UserSlots(settings.database_pool_size, limiter),
        deletion_worker=DeletionWorker(database),
        last_use=last_use,
        jwks=issuer.jwks if issuer else None,
    )


def _build_rate_limiter(settings: Settings) -> RateLimiter:
    try:
        return RateLimiter(settings.rate_limits(), settings.redis_url())
    except ConfigurationError:
        raise SettingsError("RATE_LIMIT_STORAGE_URL requires the package redis: pip install '.[redis]'") from None
