"""Settings, read from the environment and `.env` at startup. An invalid setting prevents the start."""

import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from limits import RateLimitItem
from pydantic import AliasChoices, AliasGenerator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.settings_types import IN_MEMORY, RateLimitString, StorageUrl, TrustedNetworks, parse_rate_limit
from graphql_schema.cost.limits import MAX_COST
from models.database import parse_url
from services.auth.access_tokens import LOCAL_ISSUER

MIN_SECRET_BYTES = 32
# Setting names of earlier versions, accepted for one release with a warning.
DEPRECATED_NAMES = {
    "explorer": "docs_enabled",
    "introspection": "graphql_introspection",
    "max_query_cost": "graphql_max_cost",
    "persisted_documents": "graphql_persisted_documents",
    "persisted_documents_only": "graphql_persisted_documents_only",
    "max_sockets": "max_websockets",
    "max_password_hashes": "password_hash_concurrency",
    "rate_limit_login_address": "rate_limit_auth_per_address",
    "rate_limit_login_account": "rate_limit_auth_per_account",
    "rate_limit_storage": "rate_limit_storage_url",
    "shutdown_seconds": "graceful_shutdown_seconds",
}
_ENV_FILE = ".env"
_MIN_SIMILAR_LENGTH = 8
_SIMILARITY = 0.92

log = logging.getLogger("todo.settings")


class SettingsError(Exception):
    """Raised for an invalid setting. The message is one line."""


def _accepted_names(name: str) -> AliasChoices:
    return AliasChoices(name, *(old for old, new in DEPRECATED_NAMES.items() if new == name))


class Environment(StrEnum):
    """Deployment environment. Production requires a secret and allows no cross-origin requests by default."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """Format of the logs. `auto` is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """All settings. `.env.example` lists and explains them."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        case_sensitive=False,
        alias_generator=AliasGenerator(validation_alias=_accepted_names),
    )

    environment: Environment = Environment.DEVELOPMENT
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    data_dir: Path = Path(".data")
    database_url: SecretStr | None = None
    migration_database_url: SecretStr | None = None
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    statement_timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 5_000
    jwt_secret: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("jwt_secret", "better_auth_secret", "secret_key")
    )
    jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    access_token_expire_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 15
    refresh_token_expire_days: Annotated[int, Field(ge=1, le=366)] = 30
    password_hash_concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias=AliasChoices("cors_origins", "frontend_url")
    )
    docs_enabled: bool = True
    graphql_introspection: bool = True
    graphql_anonymous_threads: Annotated[int, Field(ge=1, le=64)] = 2
    graphql_max_cost: Annotated[int, Field(ge=1000, le=100_000_000)] = MAX_COST
    graphql_persisted_documents: Path | None = None
    graphql_persisted_documents_only: bool = False
    max_body_bytes: Annotated[int, Field(ge=1024, le=100 * 1024 * 1024)] = 1024 * 1024
    max_connections: Annotated[int, Field(ge=10, le=100_000)] = 2000
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 200
    max_websockets: Annotated[int, Field(ge=1, le=100_000)] = 1000
    rate_limit_requests: RateLimitString = "1200/minute"
    rate_limit_cost: RateLimitString = "20000000/minute"
    rate_limit_anonymous: RateLimitString = "300/minute"
    rate_limit_auth_per_address: RateLimitString = "60/minute"
    rate_limit_auth_per_account: RateLimitString = "10/minute"
    rate_limit_storage_url: StorageUrl = SecretStr(IN_MEMORY)
    forwarded_allow_ips: TrustedNetworks = "127.0.0.1"
    graceful_shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 20
    log_format: LogFormat = LogFormat.AUTO

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        return [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _validate_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2):  # noqa: PLR2004
                msg = "must be origins such as https://app.example.com, separated by commas, or *"
                raise ValueError(msg)
        return origins

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _validate_database_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_url(url.get_secret_value())
        return url

    @field_validator("jwks_url")
    @classmethod
    def _validate_jwks_url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://unset")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.port == 0:
            msg = "must be an http or https address without credentials, such as https://app.example.com/api/auth/jwks"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _validate_issuer(self) -> "Settings":
        if self.jwks_url and not (self.jwt_issuer and self.jwt_audience):
            msg = "JWKS_URL requires JWT_ISSUER and JWT_AUDIENCE (the expected `iss` and `aud`)"
            raise ValueError(msg)
        if self.jwt_issuer == LOCAL_ISSUER:
            msg = f"JWT_ISSUER must not be {LOCAL_ISSUER}, the issuer of this service's own tokens"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _require_secret_in_production(self) -> "Settings":
        if self.environment is Environment.PRODUCTION:
            secret = self.jwt_secret.get_secret_value() if self.jwt_secret else ""
            if len(secret.encode()) < MIN_SECRET_BYTES:
                msg = f"JWT_SECRET must be set and at least {MIN_SECRET_BYTES} bytes long in production"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _require_allow_list(self) -> "Settings":
        if self.graphql_persisted_documents_only and self.graphql_persisted_documents is None:
            msg = "GRAPHQL_PERSISTED_DOCUMENTS_ONLY requires GRAPHQL_PERSISTED_DOCUMENTS"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _validate_cost_quota(self) -> "Settings":
        quota = parse_rate_limit(self.rate_limit_cost)
        if quota is not None and quota.amount < self.graphql_max_cost:
            msg = "RATE_LIMIT_COST must be at least GRAPHQL_MAX_COST"
            raise ValueError(msg)
        return self

    def rate_limits(self) -> dict[str, RateLimitItem | None]:
        """Return the limits by the names of their policies."""
        return {
            "requests": parse_rate_limit(self.rate_limit_requests),
            "cost": parse_rate_limit(self.rate_limit_cost),
            "anonymous": parse_rate_limit(self.rate_limit_anonymous),
            "auth-address": parse_rate_limit(self.rate_limit_auth_per_address),
            "auth-account": parse_rate_limit(self.rate_limit_auth_per_account),
        }

    def redis_url(self) -> str | None:
        """Return the URL of the Redis that stores rate limits; None if they are stored in memory."""
        url = self.rate_limit_storage_url.get_secret_value()
        return None if url == IN_MEMORY else url

    def secret(self) -> str:
        """Return the secret; in development, create one in the data folder if none is set."""
        return self.jwt_secret.get_secret_value() if self.jwt_secret else _load_or_create_secret(self.data_dir / "jwt_secret")


def load_settings(configure_logging: Callable[[Settings], None] | None = None, **overrides: Any) -> Settings:
    """Return the settings; log a warning for deprecated names and for names similar to a setting. Raises SettingsError.

    The overrides have precedence over the environment, and are validated like it. `configure_logging` is called before the
    warnings are logged.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_format_error(details) for details in error.errors())) from None
    except OSError as error:
        raise SettingsError(f"{_ENV_FILE} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{_ENV_FILE} is not UTF-8") from None
    if configure_logging:
        configure_logging(settings)
    _warn_about_deprecated_names()
    _warn_about_similar_names()
    _warn_about_short_secret(settings)
    return settings


def setting_names() -> list[str]:
    """Return the environment variables that are read, in order of precedence, without deprecated ones."""
    names: list[str] = []
    for name, field in Settings.model_fields.items():
        aliases = field.validation_alias
        names += [str(choice) for choice in aliases.choices] if isinstance(aliases, AliasChoices) else [name]
    return [name.upper() for name in names if name not in DEPRECATED_NAMES]


def _warn_about_deprecated_names() -> None:
    variables = {name.lower() for name in (*os.environ, *dotenv_values(_ENV_FILE))}
    for old, new in DEPRECATED_NAMES.items():
        if old in variables:
            log.warning("%s is deprecated; use %s.", old.upper(), new.upper())


def _warn_about_similar_names() -> None:
    names = [*setting_names(), *(name.upper() for name in DEPRECATED_NAMES)]
    for name in os.environ:
        similar = get_close_matches(name, names, n=1, cutoff=_SIMILARITY)
        if name not in names and len(name) >= _MIN_SIMILAR_LENGTH and similar:
            log.warning("%s is not a setting and is ignored; did you mean %s?", name, similar[0])


def _warn_about_short_secret(settings: Settings) -> None:
    secret = settings.jwt_secret
    if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        log.warning("JWT_SECRET is shorter than %d bytes, which production refuses.", MIN_SECRET_BYTES)


def _format_error(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    if error["type"] == "extra_forbidden":
        return f"{name} in .env is not a setting"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name} {message}" if name else message


def _load_or_create_secret(file: Path) -> str:
    """Return the secret in the file. The first process creates it, readable only by its owner. Raises SettingsError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _create_secret(file)
        secret = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"DATA_DIR {file.parent} cannot be used: {error.strerror}") from error
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"{file} does not hold a secret of {MIN_SECRET_BYTES} bytes: delete the file, and a new one is created"
        )
    return secret


def _create_secret(file: Path) -> None:
    """Create the file with its content, or not at all: on a full disk, an empty file would remain. Raises OSError."""
    with NamedTemporaryFile("w", dir=file.parent, prefix=f"{file.name}.") as new_file:  # only its owner may read it
        new_file.write(secrets.token_urlsafe(48))
        new_file.flush()
        os.fsync(new_file.fileno())
        with suppress(FileExistsError):  # another process was faster
            os.link(new_file.name, file)
