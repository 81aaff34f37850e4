"""The seeds of a search: those of its trials, and the fresh ones that confirm."""

from tune_noise.config.search import SearchConfig

# Seeds of one search: SEEDS_PER_SEARCH * seed for its trials, the following ones to confirm.
SEEDS_PER_SEARCH = 1000


def search_seeds(search: SearchConfig) -> dict[str, int]:
    """Return the training and noise seed of every search trial: the same labels for all."""
    base = search.seed * SEEDS_PER_SEARCH
    return {"seed": base, "noise_seed": base}


def confirm_seeds(search: SearchConfig) -> list[dict[str, int]]:
    """Return all fresh seeds that the confirmation may spend, the same for every finalist.

    Where the space gives a noise_seed, as a condition or fixed, only the training seed is fresh.
    """
    base = search.seed * SEEDS_PER_SEARCH
    last = search.confirm.max_seeds or search.confirm.seeds
    is_drawn = "noise_seed" not in {*search.conditions, *search.fixed}
    fields = ("seed", "noise_seed") if is_drawn else ("seed",)
    return [dict.fromkeys(fields, base + s) for s in range(1, last + 1)]
