"""What the confirmation of a condition trains next: finalists on fresh seeds, look by look."""

from tune_noise.config.search import SearchConfig
from tune_noise.history import History
from tune_noise.tuning.finalists import choose_finalists
from tune_noise.tuning.seeds import confirm_seeds
from tune_noise.tuning.stacks import Stack, confirm_stack
from tune_noise.verdict import standing_of


def confirmations_due(
    history: History, search: SearchConfig, *, condition: str, number: int
) -> list[tuple[str, Stack]]:
    """The stacks that the next look waits for; none where the confirmation is over.

    All finalists are confirmed at first, new ones where a search grew; with `max_seeds` those that
    are still undecided get further seeds. It follows from the record alone.

    Args:
        history: in which nothing of the condition runs, and its search is over.
        search: says how finalists are chosen and judged.
        condition: its name.
        number: of the condition, from 1.

    Returns:
        Pairs of the search trial that is confirmed and its stack.
    """
    trials = history.of(condition=condition, stage="confirm")
    chosen = choose_finalists(history.of(condition=condition, stage="search"), search)
    # In the order of asking: a finalist keeps its number.
    asked = [str(trial.finalist) for trial in trials]
    finalists = list(dict.fromkeys([*asked, *(trial.trial_id for trial in chosen)]))
    seeds = {seeds["seed"]: seeds for seeds in confirm_seeds(search)}
    standing = standing_of(trials, search.confirm, finalists=finalists, seeds=list(seeds))
    return [
        (
            finalist,
            confirm_stack(
                f"c{number}-f{1 + finalists.index(finalist)}",
                history.trials[finalist],
                {place: seeds[s] for place, s in enumerate(seeds, 1) if s in missing},
            ),
        )
        for finalist, missing in standing.missing.items()
    ]
