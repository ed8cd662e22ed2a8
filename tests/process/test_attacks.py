"""A short version of `make attack`: another user is served while the service is attacked. The bounds suit a busy machine."""

from pathlib import Path

import pytest

from bench.attack.attacks import ATTACKS, Attack
from bench.attack.measurement import Bounds, Durations, measure
from bench.attack.service import run_service

DURATIONS = Durations(calm=2, attack=5, memory_release=5)
BOUNDS = Bounds(p50_factor=50, p99=5_000, memory_growth=500, memory_kept=400, stop_seconds=30)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.is_tested], ids=lambda attack: attack.name)
def test_attack_leaves_the_service_to_another_user(attack: Attack, tmp_path: Path) -> None:
    with run_service(attack, tmp_path) as service:
        figures = measure(service, attack, DURATIONS, BOUNDS)

    assert list(figures.exceeded(BOUNDS)) == [], figures
