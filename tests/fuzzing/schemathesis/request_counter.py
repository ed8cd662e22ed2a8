"""Counter of the requests of each schemathesis phase, written to a file at exit."""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from schemathesis import Case

from tests.fuzzing.schemathesis.environment import REQUEST_COUNTS_FILE

_requests: Counter[str] = Counter()


def count(case: Case[Any]) -> None:
    """Count a request."""
    _requests[case.meta.phase.name.value if case.meta else "other"] += 1


@atexit.register
def _write_counts() -> None:
    Path(os.environ[REQUEST_COUNTS_FILE]).write_text(json.dumps(_requests))
