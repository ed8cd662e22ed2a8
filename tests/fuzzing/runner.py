"""Runner of one fuzzer with a seed and a number of examples."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzzing.target import Target

Fuzzer = Callable[[Target, st.DataObject], None]


def run_fuzzer(fuzzer: Fuzzer, target: Target, *, from_seed: int, examples: int) -> None:
    """Run a fuzzer. A failing example is shrunk and raised."""
    suppressed_checks = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.filter_too_much,
    ]

    @seed(from_seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=suppressed_checks,
        phases=[Phase.generate, Phase.shrink],
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        fuzzer(target, data)

    try:
        run()
    except BaseException as error:
        error.add_note(f"{fuzzer.__name__}: seed {from_seed}, {examples} examples")
        raise
