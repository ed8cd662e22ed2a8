"""The terms on which the baselines compete: the same pool, the same pages, the same token check as the service."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer

from bench.users import ALGORITHM


def database_url() -> str:
    """Return where the tables are. Baselines isolate users by WHERE alone, so theirs is the owner's URL."""
    return os.environ["DATABASE_URL"]


def subject(token: str) -> str:
    """Return whom a token speaks for. Raises HTTPException for one that is not valid now."""
    try:
        claims = jwt.decode(token, os.environ["JWT_SECRET"], algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"}) from None
    return str(claims["sub"])


async def _current_user(token: Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="token"))]) -> str:
    return subject(token)


CurrentUser = Annotated[str, Depends(_current_user)]
