"""What judges the soak finds a leak in the noise, and no leak where there is none."""

import numpy as np
import pytest
from soak.steadiness import change, limit

HOUR = np.arange(0.0, 3600.0, 20.0)


def noisy(values: np.ndarray, share: float) -> np.ndarray:
    return values * (1 + share * np.random.default_rng(7).standard_normal(len(values)))


@pytest.mark.parametrize("sign", [1, -1])
def test_ten_percent_an_hour_are_found(sign):
    leak = 700.0 * (1 + sign * 0.1 * HOUR / 3600)
    for values in (leak, noisy(leak, 0.01)):
        assert sign * change(HOUR, values)[2] > limit(60)


def test_noise_outliers_and_a_warm_up_are_no_leak():
    values = noisy(np.full(len(HOUR), 700.0), 0.03)
    values[100::20] *= 3
    values[HOUR < 1100] *= 0.5
    start, end, share = change(HOUR, values)
    assert abs(share) < limit(60)
    assert start == pytest.approx(700, rel=0.03) and end == pytest.approx(700, rel=0.03)


def test_a_thread_every_ten_minutes_is_found():
    assert change(HOUR, 30 + HOUR // 600)[2] > limit(60)


def test_a_trial_is_judged_by_more_than_the_hour():
    assert limit(60) == limit(30) == 0.05 and limit(6) == 0.15
