"""From the record to answers: tables, statistics, verdicts, figures, one page and the terminal."""

from tune_noise.reporting.before_repair import gain_sentences
from tune_noise.reporting.findings.summary import ConditionSummary, Summary, summarise
from tune_noise.reporting.outputs import write_outputs
from tune_noise.reporting.sentences import unlabelled_sentence, verdict_sentence
from tune_noise.reporting.terminal import condition_tables

__all__ = [
    "ConditionSummary",
    "Summary",
    "condition_tables",
    "gain_sentences",
    "summarise",
    "unlabelled_sentence",
    "verdict_sentence",
    "write_outputs",
]
