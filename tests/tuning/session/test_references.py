"""Which reference models are still to be trained, by the record alone."""

from tests.support.histories import Builder, epoch
from tune_noise.record import Event
from tune_noise.tuning.session.references import references_due, seconds_of


def build(**space: object) -> Builder:
    given = {
        "noise": "symmetric",
        "conditions": {"noise_rate": [0.2]},
        "references": ["majority", "knn"],
    }
    builder = Builder(**given | space)
    builder.add_finalist([1.0, 1.1, 1.2])
    return builder


def trained(name: str, seeds: list[int], **more: object) -> Event:
    data = {"condition": "noise_rate=0.2", "name": name, "settings": {"k": 5}, "problem": ""}
    data |= {"metrics": [[seed, epoch(0.5)] for seed in seeds], "examples": 10, "available": 10}
    return Event("reference", data=data | {"seconds": 1.0} | more)


def test_each_model_is_trained_on_the_seeds_of_the_confirmation() -> None:
    builder = build()
    due = references_due(builder.history(), builder.config)
    assert [one.name for one in due] == ["majority", "knn"]
    assert [config.noise_seed for config in due[1].confirms] == [101, 102, 103]
    assert due[1].chooses.noise_seed == 0
    assert due[1].confirms[0].noise_rate == 0.2
    assert due[1].settings is None


def test_what_is_recorded_is_not_trained_again_and_new_seeds_keep_the_settings() -> None:
    builder = build()
    builder.events += [trained("majority", [101, 102, 103]), trained("knn", [101])]
    [due] = references_due(builder.history(), builder.config)
    assert (due.name, due.settings) == ("knn", (("k", 5),))
    assert [config.seed for config in due.confirms] == [102, 103]
    builder.events.append(trained("knn", [102, 103]))
    assert references_due(builder.history(), builder.config) == []
    assert set(builder.history().references["noise_rate=0.2"]["knn"].metrics) == {101, 102, 103}


def test_one_that_could_not_be_trained_is_left_out_and_so_is_a_seed_that_diverged() -> None:
    builder = build()
    builder.add_finalist([1.0, None], method="co_teaching")
    builder.events.append(
        Event(
            "reference",
            data={
                "condition": "noise_rate=0.2",
                "name": "knn",
                "settings": {},
                "metrics": [],
                "problem": "MemoryError: no",
            },
        )
    )
    [due] = references_due(builder.history(), builder.config)
    assert due.name == "majority"
    assert len(due.confirms) == 3


def test_without_a_confirmation_or_a_name_there_are_none() -> None:
    builder = Builder(references=["knn"])
    builder.add(epoch(1.0))
    assert references_due(builder.history(), builder.config) == []
    builder = build(references=[])
    assert references_due(builder.history(), builder.config) == []


def test_the_time_grows_with_the_numbers_up_to_what_is_learned() -> None:
    builder = build()
    _, knn = references_due(builder.history(), builder.config)
    # 6 combinations of settings, 3 seeds, 0.25 s a million numbers.
    assert seconds_of(knn, examples=1000, width=100, num_classes=10) == 9 * 0.1 * 0.25
    many = [seconds_of(knn, examples=n, width=100, num_classes=10) for n in (10_000, 10**6)]
    assert many[0] == many[1]
