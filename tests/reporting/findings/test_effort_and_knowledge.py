import pytest

from tests.support.frames import frame
from tests.support.histories import Builder
from tune_noise.reporting.findings.effort import efforts
from tune_noise.reporting.findings.knowledge import knowledge
from tune_noise.reporting.findings.summary import summarise
from tune_noise.reporting.outputs import write_outputs
from tune_noise.reporting.tables import effort_table, finalists_table


def told(build: Builder) -> dict[str, str]:
    return {fact.what: fact.told for fact in knowledge(build.history())}


def test_cost_is_counted_per_level_of_what_is_compared(builder: type[Builder]) -> None:
    build = builder(search={"tau": {"choice": [0.6, 0.2]}}, fixed={"method": "co_teaching"},
                    compare="tau")  # fmt: skip
    for tau, number in ((0.2, 3), (0.6, 1)):
        for _ in range(number):
            build.add({"val_information_noisy": 1.0}, tau=tau)
    rows = efforts(build.history())
    assert [(row.level, row.num_trials, row.share) for row in rows] == [
        ("tau 0.6", 1, 0.25),
        ("tau 0.2", 3, 0.75),
    ]


def test_the_table_of_cost_adds_up_to_that_of_the_page(many: Builder) -> None:
    history = many.history()
    table = frame(effort_table(history))
    assert len(table) == 3 * 4
    for row in efforts(history):
        own = table[(table["stage"] == row.stage) & (table["level"] == row.level)]
        assert own["network_epochs"].sum() == row.network_epochs
        assert own["trials"].sum() == row.num_trials
    assert table.groupby(["condition", "stage"])["share"].sum().tolist() == pytest.approx([1.0] * 6)


def test_a_plain_search_was_told_noisy_labels_alone(many: Builder) -> None:
    facts = knowledge(many.history())
    assert not any(fact.is_unusual for fact in facts)
    measured = {fact.what: fact.measured for fact in facts}
    assert measured["clean labels of the test set"] == "yes: test accuracy"
    assert measured["noise rate"] == "yes: 25.0 %"


KNOWN_MATRIX = {
    "method": {"choice": ["standard", "forward"]},
    "transition": {"choice": ["known", "estimated"], "when": {"method": "forward"}},
}
TOLD = [
    ({"oracle": True, "objective": "val_accuracy_clean"}, "of the validation split", "an oracle"),
    ({"search": KNOWN_MATRIX}, "noise transition matrix", "transition: known"),
    ({"fixed": {"example_order": "clean_first"}}, "which training labels", "example_order"),
    ({"fixed": {"method": "co_teaching", "tau": 0.45}}, "noise rate", "fixes tau"),
]


@pytest.mark.parametrize(("space", "what", "said"), TOLD, ids=[said for *_, said in TOLD])
def test_what_a_space_tells_beyond_noisy_labels_is_said(
    builder: type[Builder], space: dict[str, object], what: str, said: str
) -> None:
    found = told(builder(**space))
    assert any(what in name and said in text for name, text in found.items())


def test_the_page_does_not_claim_ignorance_of_what_was_told(
    builder: type[Builder], tmp_path
) -> None:
    write_outputs(builder(fixed={"example_order": "clean_last"}).history(), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "what else the table says" in page
    assert "and nothing else" not in page


def test_the_table_of_finalists_holds_what_the_page_says(compared: Builder) -> None:
    table = frame(finalists_table(summarise(compared.history())))
    leader = table[table["rank"] == 1]
    assert leader["is_winner"].all()
    assert leader.set_index("metric").loc["val_information_noisy", "mean"] == pytest.approx(1.30)
    [difference] = table[table["metric"] == "leader_minus_this"].to_dict("records")
    assert (difference["rank"], difference["n"]) == (2, 5)
    assert difference["mean"] == pytest.approx(0.20)
    assert difference["low"] > 0
