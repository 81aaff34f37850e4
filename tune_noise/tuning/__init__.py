"""The search itself; the only place that imports ray and optuna."""
