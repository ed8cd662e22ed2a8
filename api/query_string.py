"""Checks of the query string: its length, the number of parameters, and repeated parameters."""

from urllib.parse import urlencode

from fastapi import Request

from services.errors import InvalidInput

MAX_PARAMETERS = 100
# In the address of the next page, which also has a cursor of up to 10,000 characters. The request line and the headers of the
# next request may have 32 KiB, of which 4 KiB remain for its headers.
MAX_ENCODED_LENGTH = 18_000


def check_query_string(request: Request) -> None:
    """Raise InvalidInput if there are too many parameters, or if one is given more than once."""
    if not request.scope["query_string"]:
        return
    if request.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
        raise InvalidInput.at_pointer("", f"More than {MAX_PARAMETERS} query parameters.")
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise InvalidInput.from_pydantic([{"loc": (name,), "type": "repeated", "msg": "Parameter given more than once."}])
        seen.add(name)


def encode_parameters(request: Request, cursor: str | None = None) -> str:
    """Return the query string with another cursor, or without one."""
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return urlencode([*parameters, ("cursor", cursor)] if cursor is not None else parameters)


def check_encoded_length(request: Request) -> None:
    """Raise InvalidInput if the parameters of a list are too long for the address of its next page."""
    if len(encode_parameters(request)) > MAX_ENCODED_LENGTH:
        longest = max(request.query_params, key=lambda name: len(request.query_params[name]))
        raise InvalidInput.from_pydantic(
            [
                {
                    "loc": (longest,),
                    "type": "too_long",
                    "msg": f"Percent-encoded parameters exceed {MAX_ENCODED_LENGTH} characters.",
                }
            ]
        )
