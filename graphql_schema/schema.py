from typing import Any


def build_schema() -> Any: ...
