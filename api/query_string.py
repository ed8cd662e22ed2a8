"""Query parameters, before anyone looks for one: not too many, and none of them twice."""

from fastapi import Request

from services.errors import InvalidInput

MAX_PARAMETERS = 100


def check_parameters(request: Request) -> None:
    """Raise InvalidInput where there are too many, or where it could not be told which of several is meant."""
    if not request.scope["query_string"]:
        return
    if request.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
        raise InvalidInput.at_pointer("", f"The address has more than {MAX_PARAMETERS} parameters.")
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise InvalidInput.from_pydantic([{"loc": (name,), "type": "repeated", "msg": "This is given more than once."}])
        seen.add(name)
