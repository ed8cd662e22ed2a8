"""Counts, in schemathesis' process, how many requests each of its phases sends, and tells it when that process ends."""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from schemathesis import Case

from tests.fuzzing.schemathesis.environment import CENSUS

_requests: Counter[str] = Counter()


def count(case: Case[Any]) -> None:
    """Count a request."""
    _requests[case.meta.phase.name.value if case.meta else "other"] += 1


@atexit.register
def _tell() -> None:
    Path(os.environ[CENSUS]).write_text(json.dumps(_requests))
