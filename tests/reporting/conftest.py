from collections.abc import Callable

import pytest

from tests.support.histories import FRESH_SEEDS, Builder, Values, curve, epoch


@pytest.fixture
def builder() -> type[Builder]:
    return Builder


@pytest.fixture
def make_epoch() -> Callable[..., Values]:
    return epoch


@pytest.fixture
def compared() -> Builder:
    """One condition; co_teaching beats standard by 0.2 on every seed, give or take 0.02."""
    build = Builder(
        conditions={"noise_rate": [0.45]},
        search={
            "method": {"choice": ["standard", "co_teaching"]},
            "lr": {"loguniform": [1e-4, 1e-2]},
            "tau": {"uniform": [0.1, 0.8], "when": {"method": "co_teaching"}},
        },
        compare="method",
    )
    build.add_finalist([1.10, 1.12, 1.08, 1.11, 1.09], method="standard", lr=0.001)
    build.add_finalist([1.30, 1.34, 1.26, 1.32, 1.28], method="co_teaching", lr=0.00123, tau=0.5)
    return build


@pytest.fixture
def many() -> Builder:
    """Three noise levels, two methods, two networks, with learning curves."""
    build = Builder(
        conditions={"noise_rate": [0.0, 0.2, 0.45]},
        search={
            "method": {"choice": ["standard", "co_teaching"]},
            "model": {"choice": ["mlp1", "conv4"]},
            "lr": {"loguniform": [1e-4, 1e-2]},
        },
        compare="method",
        epochs=12,
    )
    for condition in build.config.all_conditions:
        rate = condition.factors["noise_rate"]
        for method in ("standard", "co_teaching"):
            robust = 0.4 if method == "co_teaching" else 1.6
            best = 1.9 - robust * rate
            for model in ("mlp1", "conv4"):
                shown = curve(best - 0.1 * (model == "mlp1"), epochs=12, seed=1, precision=0.8)
                given = {"condition": condition, "method": method, "model": model, "lr": 0.002}
                found = build.add(*shown, **given)
            for seed in FRESH_SEEDS:
                shown = curve(best, epochs=12, seed=seed, precision=0.8)
                build.add(*shown, finalist=found, seed=seed, **given)
    return build
