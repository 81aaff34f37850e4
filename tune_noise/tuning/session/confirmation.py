"""The stacks that confirm a condition: finalists on fresh seeds, look by look."""

from itertools import islice

from tune_noise.config.search import SearchConfig
from tune_noise.history.replay import History
from tune_noise.tuning.session.finalists import choose_finalists
from tune_noise.tuning.session.packing import load_of, num_stacks, shares
from tune_noise.tuning.session.seeds import confirm_seeds
from tune_noise.tuning.session.stacks import Stack, confirm_stack
from tune_noise.verdict import standing_of


def confirmations_due(
    history: History, search: SearchConfig, *, condition: str, number: int, slots: int
) -> list[tuple[str, Stack]]:
    """Return the stacks that the next look waits for; none where the confirmation is over.

    All finalists are confirmed at first, new ones where a search grew; with `max_seeds` those that
    are still undecided get further seeds. Which seeds follows from the record alone; how they are
    dealt out to stacks, from the slots too.

    Args:
        history: in which nothing of the condition runs, and its search is over.
        search: says how finalists are chosen and judged.
        condition: its name.
        number: of the condition, from 1.
        slots: stacks of this condition that run side by side, at least 1.

    Returns:
        Pairs of the search trial that is confirmed and a stack of its seeds.
    """
    trials = history.of(condition=condition, stage="confirm")
    chosen = choose_finalists(history.of(condition=condition, stage="search"), search)
    # In the order of asking: a finalist keeps its number.
    asked = [str(trial.finalist) for trial in trials]
    finalists = list(dict.fromkeys([*asked, *(trial.trial_id for trial in chosen)]))
    seeds = {seeds["seed"]: seeds for seeds in confirm_seeds(search)}
    standing = standing_of(trials, search.confirm, finalists=finalists, seeds=list(seeds))
    missing = {
        finalist: {place: seeds[s] for place, s in enumerate(seeds, 1) if s in absent}
        for finalist, absent in standing.missing.items()
    }
    loads = [
        load_of(history.trials[finalist], search.resources, seeds=len(numbered))
        for finalist, numbered in missing.items()
    ]
    stacks = zip(missing.items(), num_stacks(loads, slots=slots), strict=True)
    return [
        (
            finalist,
            confirm_stack(
                f"c{number}-f{1 + finalists.index(finalist)}", history.trials[finalist], part
            ),
        )
        for (finalist, numbered), num_parts in stacks
        for part in _parts(numbered, num_parts)
    ]


def _parts(seeds: dict[int, dict[str, int]], number: int) -> list[dict[int, dict[str, int]]]:
    """Divide numbered seeds into so many parts, in order and as evenly as possible."""
    left = iter(seeds.items())
    return [dict(islice(left, size)) for size in shares(len(seeds), number)]
