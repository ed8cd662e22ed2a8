"""Checks of the query string: the number of parameters, and repeated parameters."""

from fastapi import Request

from services.errors import InvalidInput

MAX_PARAMETERS = 100


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
