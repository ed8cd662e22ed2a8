"""Token check and database URL that the baselines share."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer

from bench.users import ALGORITHM


def database_url() -> str:
    """Return the database URL; baselines that isolate users by WHERE only get that of the owner."""
    return os.environ["DATABASE_URL"]


def subject(token: str) -> str:
    """Return the subject of a token. Raises HTTPException if the token is invalid or expired."""
    try:
        claims = jwt.decode(token, os.environ["JWT_SECRET"], algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"}) from None
    return str(claims["sub"])


async def _current_user(token: Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="token"))]) -> str:
    return subject(token)


CurrentUser = Annotated[str, Depends(_current_user)]
