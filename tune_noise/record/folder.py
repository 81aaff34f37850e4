"""The names of all files and folders in the folder of a search, `OUTPUT/NAME/`."""

from pathlib import Path

# What a search keeps for itself.
RECORD_FILE = "record.db"
URL_FILE = "record.url"
CHECKPOINTS = "checkpoints"
RAY_FOLDER = ".ray"
# What it is, and what it has shown.
SEARCH_FILE = "search.yaml"
TRIALS_FILE = "trials.csv"
EPOCHS_FILE = "epochs.csv"
CRITERIA_FILE = "criteria.csv"
TRANSITION_FILE = "transition.csv"
SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"
FIGURES = "figures"
TABLES = "tables"
CLASSES_FILE = f"{TABLES}/classes.csv"
CONFUSION_FILE = f"{TABLES}/confusion.csv"
# Only where several annotators have labelled.
ANNOTATORS_FILE = f"{TABLES}/annotators.csv"
WINNERS = "winners"
# In the folder of a winner.
SUSPECTS_CSV = "suspects.csv"
SUSPECTS_JSON = "suspects.json"
JUDGED_FILE = "judged.safetensors"
FINALISTS_FILE = "finalists.safetensors"
UNLABELLED_CSV = "unlabelled.csv"
FOLDS = "folds"
# What is checked by hand: a folder for each condition.
AUDIT = "audit"
CURVE_FILE = "curve.safetensors"
# Everything that is for people, in the order in which MLflow gets it.
PUBLISHED = (
    REPORT_FILE,
    SUMMARY_FILE,
    SEARCH_FILE,
    TRIALS_FILE,
    EPOCHS_FILE,
    CRITERIA_FILE,
    TRANSITION_FILE,
    FIGURES,
    TABLES,
    WINNERS,
)


def search_folders(parent: Path) -> list[Path]:
    """Return the folders in a folder that hold a search, sorted by name."""
    files = {file for name in (RECORD_FILE, URL_FILE) for file in parent.glob(f"*/{name}")}
    return sorted({file.parent for file in files})


def winner_dir(output: Path, condition: str) -> Path:
    """Return the folder of a condition's winner: weights, model card, suspects, unlabelled."""
    return output / WINNERS / condition


def audit_dir(output: Path, condition: str) -> Path:
    """Return the folder of what a person checks of a condition by hand."""
    return output / AUDIT / condition


def folds_dir(output: Path, condition: str) -> Path:
    """Return where the folds of a condition lie until its suspects are written."""
    return winner_dir(output, condition) / FOLDS


def checkpoints_dir(output: Path) -> Path:
    """Return the folder of all states; nobody needs it once a search is over."""
    return output / CHECKPOINTS


def checkpoint_file(output: Path, stack_id: str) -> Path:
    """Return where a stack that still trains keeps its state."""
    return checkpoints_dir(output) / f"{stack_id}.safetensors"


def previous_checkpoint_file(output: Path, stack_id: str) -> Path:
    """Return where a stack keeps the state before the last one."""
    return checkpoints_dir(output) / f"{stack_id}.previous.safetensors"


def weights_file(output: Path, stack_id: str) -> Path:
    """Return where a confirmed stack leaves its weights: tensors `NUMBER.NAME` of trial NUMBER."""
    return checkpoints_dir(output) / f"{stack_id}.weights.safetensors"


def judgements_file(output: Path, trial_id: str) -> Path:
    """Return where a confirmed trial with folds leaves what it predicts of all labels."""
    return checkpoints_dir(output) / f"{trial_id}.judgements.safetensors"
