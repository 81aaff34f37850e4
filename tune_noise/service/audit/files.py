"""The files of a sample in the folder of a search."""

from pathlib import Path

from tune_noise.audit.exchange import Shown, write_files
from tune_noise.audit.sample import Sample
from tune_noise.record.folder import audit_dir
from tune_noise.service.audit.opened import OpenedAudit
from tune_noise.service.recorded_data import load_recorded


def write_audit_files(audit: OpenedAudit, sample: Sample, data_dir: Path | None) -> Path:
    """Write what a person needs to check a sample without the page, and return the folder.

    Raises:
        UserError: the data are not what they were.
        OSError: the folder cannot be written.
    """
    data = load_recorded(audit.history, audit.folder, data_dir)
    views, ids = data.views, data.dataset.train_ids

    def show(example: int) -> Shown:
        if views.are_pictures:
            # Their ids are paths, and the folder of a picture often is its class.
            return Shown(picture=views.picture(example))
        name = None if ids is None else str(ids[example])
        words = views.words(example)
        return Shown(text=words.get("text"), row=dict(words.get("row", [])), id=name)

    target = audit_dir(audit.folder, audit.condition.name)
    write_files(target, sample, show, audit.class_names)
    return target
