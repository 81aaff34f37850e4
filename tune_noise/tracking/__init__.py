"""MLflow, fed from the durable record by a process of its own.

The only place that imports mlflow, and only inside functions: importing this package costs nothing.

uri.py           where MLflow is
faults.py        what is wrong with it: looked at before a search and after a failed delivery
fault.py         a fault as a value; what can be wrong with an experiment
database_faults.py  what is wrong with a database that has no MLflow server before it
process.py       what the driver holds: start, finish
orders.py        what driver and child say to each other
follow.py        the loop of the child process: read the record, deliver, try again
mirror.py        makes MLflow agree with the record, one run per trial
store.py         the store: connect, experiment, the runs that it holds
content.py       what a run says: tags, parameters, metrics
registry.py      the model registry: a version per winner, made and judged once
standing.py      which version is @champion
entry.py         what is to be registered, as the driver leaves it in a winner's folder
logged_model.py  the model's files in MLflow
fetch.py         a registered model, downloaded
"""

from tune_noise.tracking.faults import check_tracking_uri
from tune_noise.tracking.process import TrackingProcess
from tune_noise.tracking.uri import default_tracking_uri

__all__ = ["TrackingProcess", "check_tracking_uri", "default_tracking_uri"]
