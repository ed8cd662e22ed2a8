"""Security schemes of the OpenAPI document: log in with a password, or paste a token."""

from typing import Any

from api.dependencies import SECURITY

_BEARER_NAME = "BearerToken"
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API token (`todo_api_…`) or an access token, sent as `Authorization: Bearer …`.",
}
_BEARER_REQUIREMENT: dict[str, list[str]] = {_BEARER_NAME: []}


def complete_security(document: dict[str, Any]) -> None:
    """Allow bearer tokens wherever the password flow is allowed, and declare that the other operations are public."""
    document["components"]["securitySchemes"][_BEARER_NAME] = _BEARER
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["security"] = [
                alternative
                for requirement in operation.get("security", [])
                for alternative in ([requirement, _BEARER_REQUIREMENT] if requirement in SECURITY else [requirement])
            ]
