"""Examples in the OpenAPI document. FastAPI removes null from examples, so they are added after it has generated the document."""

from typing import Any

from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel

from api.openapi import schemas

_USER_ID = "me"
_LOGIN = {"grant_type": "password", "username": "ada@example.com", "password": "correct horse"}


def complete_examples(document: dict[str, Any]) -> None:
    """Add complete examples to the schemas of responses, and `me` as the user id, which Swagger UI fills in."""
    for name, schema in document["components"]["schemas"].items():
        model = vars(schemas).get(name)
        if isinstance(model, type) and issubclass(model, BaseModel):
            extra: Any = model.model_config["json_schema_extra"]
            schema["examples"] = jsonable_encoder(extra["examples"])
    document["components"]["schemas"]["Body_logIn"]["examples"] = [_LOGIN]
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "user_id":
                    parameter["schema"].pop("examples", None)
                    parameter["example"] = _USER_ID
