"""Settings: read once, from the environment and `.env`, and never changed. Unknown or malformed ones stop the start."""

import os
import secrets
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from limits import RateLimitItem
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.checked import IN_MEMORY, Networks, Quota, Store, parse_rate_limit
from graphql_schema.limits import MAX_COST
from models.database import parse_url
from services.tokens import ISSUER

MIN_SECRET_BYTES = 32


class SettingsError(Exception):
    """What is wrong with the settings, in one line."""


class Environment(StrEnum):
    """Where the service runs. Production insists on a good secret and opens nothing by default."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """All there is to set. `.env.example` names the same, with what they are for."""

    model_config = SettingsConfigDict(env_file=".env", extra="forbid", frozen=True, env_ignore_empty=True, case_sensitive=False)

    environment: Environment = Environment.DEVELOPMENT
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    data_dir: Path = Path(".data")
    database_url: SecretStr | None = None
    migration_database_url: SecretStr | None = None
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    statement_timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 15_000
    jwt_secret: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("jwt_secret", "better_auth_secret", "secret_key")
    )
    jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    access_token_expire_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 15
    refresh_token_expire_days: Annotated[int, Field(ge=1, le=366)] = 30
    max_password_hashes: Annotated[int, Field(ge=1, le=64)] = 4
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias=AliasChoices("cors_origins", "frontend_url")
    )
    introspection: bool = True
    explorer: bool = True
    persisted_documents: Path | None = None
    persisted_documents_only: bool = False
    max_query_cost: Annotated[int, Field(ge=1000, le=100_000_000)] = MAX_COST
    max_body_bytes: Annotated[int, Field(ge=1024, le=100 * 1024 * 1024)] = 1024 * 1024
    max_sockets: Annotated[int, Field(ge=1, le=100_000)] = 1000
    rate_limit_requests: Quota = "1200/minute"
    rate_limit_cost: Quota = "20000000/minute"
    rate_limit_anonymous: Quota = "300/minute"
    rate_limit_login_address: Quota = "60/minute"
    rate_limit_login_account: Quota = "10/minute"
    rate_limit_storage: Store = SecretStr(IN_MEMORY)
    forwarded_allow_ips: Networks = "127.0.0.1"
    shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 20

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2):  # noqa: PLR2004
                msg = "must be origins such as https://app.example.com, separated by commas, or *"
                raise ValueError(msg)
        return origins

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_url(url.get_secret_value())
        return url

    @field_validator("jwks_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://unset")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.port == 0:
            msg = "must be an http or https address without credentials, such as https://app.example.com/api/auth/jwks"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _other_issuers_are_told_apart(self) -> "Settings":
        if self.jwks_url and not (self.jwt_issuer and self.jwt_audience):
            msg = "JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE beside it: what the tokens of that issuer carry as iss and aud"
            raise ValueError(msg)
        if self.jwt_issuer == ISSUER:
            msg = f"JWT_ISSUER must not be {ISSUER}, which is this service's own name"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _production_has_a_secret(self) -> "Settings":
        if self.environment is Environment.PRODUCTION:
            given = self.jwt_secret.get_secret_value() if self.jwt_secret else ""
            if len(given.encode()) < MIN_SECRET_BYTES:
                msg = f"JWT_SECRET must be set and at least {MIN_SECRET_BYTES} bytes long in production"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _only_what_is_listed(self) -> "Settings":
        if self.persisted_documents_only and self.persisted_documents is None:
            msg = "PERSISTED_DOCUMENTS_ONLY needs PERSISTED_DOCUMENTS, the file that lists them"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _an_operation_fits_the_quota(self) -> "Settings":
        quota = parse_rate_limit(self.rate_limit_cost)
        if quota is not None and quota.amount < self.max_query_cost:
            msg = "RATE_LIMIT_COST must allow what one operation may cost: MAX_QUERY_COST"
            raise ValueError(msg)
        return self

    def rate_limits(self) -> dict[str, RateLimitItem | None]:
        """Return the limits by the names of their policies."""
        return {
            "requests": parse_rate_limit(self.rate_limit_requests),
            "cost": parse_rate_limit(self.rate_limit_cost),
            "anonymous": parse_rate_limit(self.rate_limit_anonymous),
            "auth-address": parse_rate_limit(self.rate_limit_login_address),
            "auth-account": parse_rate_limit(self.rate_limit_login_account),
        }

    def redis_url(self) -> str | None:
        """Return where to count, if that is not in memory."""
        url = self.rate_limit_storage.get_secret_value()
        return None if url == IN_MEMORY else url

    def secret(self) -> str:
        """Return the secret; in development, make one and keep it in the data folder if none is set."""
        return self.jwt_secret.get_secret_value() if self.jwt_secret else _kept_secret(self.data_dir / "jwt_secret")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError."""
    _refuse_near_misses(os.environ if environment is None else environment)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_complaint(flaw) for flaw in error.errors())) from None


def names() -> list[str]:
    """Return the names under which settings are read, first choices first."""
    found: list[str] = []
    for name, field in Settings.model_fields.items():
        aliases = field.validation_alias
        found += [str(choice) for choice in aliases.choices] if isinstance(aliases, AliasChoices) else [name]
    return [name.upper() for name in found]


def _refuse_near_misses(environment: Mapping[str, str]) -> None:
    """The environment holds much that is not ours, but a name a letter away from one of ours is a mistake."""
    ours = names()
    for name in environment:
        if name not in ours and len(name) > 7 and (close := get_close_matches(name, ours, n=1, cutoff=0.92)):  # noqa: PLR2004
            raise SettingsError(f"{name} is not a setting; did you mean {close[0]}?")


def _complaint(flaw: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in flaw["loc"]).upper()
    if flaw["type"] == "extra_forbidden":
        return f"{name} in .env is not a setting"
    message = flaw["msg"].removeprefix("Value error, ")
    return f"{name} {message}" if name else message


def _kept_secret(file: Path) -> str:
    """The first to come makes the file, readable by its owner alone; all others read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return file.read_text().strip()
