"""Which labels are corrected: those that people agree on, and what a model is sure of."""

import numpy as np

from tests.support.populations import made_up
from tune_noise.audit.answers import Answer
from tune_noise.service.repair.corrections import corrections_of


def said(*answers: Answer) -> tuple[dict[int, int], dict[int, str]]:
    corrections = corrections_of(answers)
    classes = {one.example: one.label for one in corrections.confirmed}
    return classes, {example: reason for example, (reason, _) in corrections.kept.items()}


def test_a_class_is_confirmed_where_all_who_could_tell_agree():
    assert said(
        Answer(1, "ada", "class", (2,)),
        Answer(2, "ada", "class", (2,)),
        Answer(2, "bob", "cannot_tell"),
        Answer(3, "ada", "class", (2,)),
        Answer(3, "bob", "class", (1,)),
        Answer(4, "ada", "class", (2,)),
        Answer(4, "bob", "several"),
        Answer(5, "ada", "none"),
        Answer(6, "ada", "cannot_tell"),
        Answer(7, "ada", "class", (1,), seconds=1.0),
        Answer(7, "ada", "class", (0,), mode="suspects", seconds=2.0),
        Answer(8, "ada", "class", (1,)),
        Answer(8, "ada", "cannot_tell", is_undone=True),
    ) == (
        {1: 2, 2: 2, 7: 0},
        {3: "disputed", 4: "disputed", 5: "none", 6: "cannot_tell"},
    )


def test_a_model_is_trusted_where_it_is_sure_and_nobody_has_looked():
    population, _ = made_up(2000)
    judged = population.judgements
    sure = (judged.classes[:, 0] != judged.given) & (judged.chances[:, 0] >= 0.9)
    examples = judged.examples[sure].tolist()
    assert len(examples) > 5
    kept, confirmed = examples[:2]
    answers = [Answer(kept, "ada", "none"), Answer(confirmed, "ada", "class", (1,))]
    corrections = corrections_of(answers, judged, 0.9)
    assert {one.example for one in corrections.trusted} == set(examples[2:])
    assert all(one.probability >= 0.9 and one.by == () for one in corrections.trusted)
    assert {one.source for one in corrections.changes(np.full(2000, -1))} == {"person", "model"}
