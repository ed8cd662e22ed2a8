"""Settings: sources, validation and `.env.example`."""

import re
import stat
from pathlib import Path

import pytest

from api.settings import DEPRECATED_NAMES, Settings, SettingsError, load_settings, setting_names

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clear_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Clear the environment, and change to a folder without `.env`."""
    for name in (*setting_names(), *(old.upper() for old in DEPRECATED_NAMES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_env_example_lists_all_settings() -> None:
    example = (ROOT / ".env.example").read_text()

    assert re.findall(r"^([A-Z_]+)=", example, re.MULTILINE) == setting_names()


def test_env_example_matches_the_defaults(tmp_path: Path) -> None:
    defaults = load_settings()
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())

    assert load_settings() == defaults


@pytest.mark.parametrize("name", ["JWT_SECRET", "BETTER_AUTH_SECRET", "SECRET_KEY"])
def test_jwt_secret_has_three_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "s" * 32)

    assert load_settings().secret() == "s" * 32


def test_first_of_several_setting_names_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "b" * 32)
    monkeypatch.setenv("JWT_SECRET", "a" * 32)

    assert load_settings().secret() == "a" * 32


@pytest.mark.parametrize("name", ["CORS_ORIGINS", "FRONTEND_URL"])
def test_cors_origins_have_two_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "https://a.example/, http://localhost:3000")

    assert load_settings().cors_origins == ("https://a.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "x", "PORT "),
        ("PORT", "70000", "PORT "),
        ("ENVIRONMENT", "prod", "ENVIRONMENT "),
        ("DATABASE_URL", "mysql://x", r"DATABASE_URL must start with postgresql://"),
        ("DATABASE_URL", "postgresql://u:hidden@h:port/db", "DATABASE_URL "),
        ("MIGRATION_DATABASE_URL", "x", "MIGRATION_DATABASE_URL must start with postgresql://"),
        ("CORS_ORIGINS", "app.example.com", "CORS_ORIGINS must be origins"),
        ("CORS_ORIGINS", "https://app.example.com/path", "CORS_ORIGINS must be origins"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "ACCESS_TOKEN_EXPIRE_MINUTES "),
        ("RATE_LIMIT_REQUESTS", "lots", "RATE_LIMIT_REQUESTS must be one limit such as 100/minute or 5000 per 2 hours, or off"),
        ("RATE_LIMIT_ANONYMOUS", "0/minute", "RATE_LIMIT_ANONYMOUS must be one limit"),
        ("RATE_LIMIT_COST", "1999999/minute", "RATE_LIMIT_COST must be at least GRAPHQL_MAX_COST"),
        ("RATE_LIMIT_STORAGE_URL", "memcached://h", "RATE_LIMIT_STORAGE_URL must be memory://, or a URL such as redis://"),
        (
            "RATE_LIMIT_STORAGE_URL",
            "redis://:hidden@h:port",
            "RATE_LIMIT_STORAGE_URL must be memory://, or a URL such as redis://",
        ),
        ("FORWARDED_ALLOW_IPS", "10.0.0.0/8, proxy", "FORWARDED_ALLOW_IPS must be addresses or networks"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.1/8", "FORWARDED_ALLOW_IPS must be addresses or networks"),
        ("FORWARDED_ALLOW_IPS", "*, 10.0.0.1", "FORWARDED_ALLOW_IPS must be addresses or networks"),
        ("MAX_WEBSOCKETS", "0", "MAX_WEBSOCKETS "),
        ("JWKS_URL", "https://app.example.com/jwks", "JWKS_URL requires JWT_ISSUER and JWT_AUDIENCE"),
        ("JWKS_URL", "app.example.com/jwks", "JWKS_URL must be an http or https address"),
        ("JWKS_URL", "file:///etc/passwd", "JWKS_URL must be an http or https address"),
        ("JWKS_URL", "https://", "JWKS_URL must be an http or https address"),
        ("JWKS_URL", "https://u:hidden@app.example.com/jwks", "JWKS_URL must be an http or https address"),
        ("JWKS_URL", "https://app.example.com:port/jwks", "JWKS_URL "),
        ("JWKS_URL", "https://[::1/jwks", "JWKS_URL "),
        ("JWT_ISSUER", "todo", "JWT_ISSUER must not be todo"),
    ],
)
def test_invalid_setting_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=message) as error:
        load_settings()
    assert "\n" not in str(error.value)
    assert "hidden" not in str(error.value)


def test_unknown_name_in_env_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROT=8000\n")

    with pytest.raises(SettingsError, match=r"PROT in \.env is not a setting"):
        load_settings()


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_external_issuer_settings_must_be_complete(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in ("JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE"):
        monkeypatch.setenv(name, "https://app.example.com")
    assert load_settings().jwks_url == "https://app.example.com"
    monkeypatch.delenv(missing)

    with pytest.raises(SettingsError, match=r"^JWKS_URL requires"):
        load_settings()


@pytest.mark.parametrize("secret", [None, "x" * 31])
def test_production_requires_a_secret_of_32_bytes(monkeypatch: pytest.MonkeyPatch, secret: str | None) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if secret:
        monkeypatch.setenv("JWT_SECRET", secret)

    with pytest.raises(SettingsError, match="at least 32 bytes"):
        load_settings()


def test_generated_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    secret = settings.secret()

    assert len(secret) >= 32
    assert settings.secret() == secret
    assert stat.S_IMODE((tmp_path / "data" / "jwt_secret").stat().st_mode) == 0o600


def test_settings_repr_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "hidden" * 8)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hidden@h/db")

    assert "hidden" not in repr(load_settings())
