"""The parts of MLflow that are not its public interface, and nothing else may touch.

Each may change with any release of MLflow. `tests/tracking/internals` and `tests/browser` check
them against the real library; pyproject.toml pins the version they were checked with.

database.py   `_tracking_client.store`, `SqlAlchemyStore`: to find out whether this process writes
              to a database itself, and to make the tables of a SQLite store in one step
bulk.py       the tables of runs, tags, parameters and metrics: MLflow's client needs six
              transactions for a run, 25 ms in place of 1.6
views.py      saved views of the Runs page, a zlib-packed tag: MLflow has no call that saves one
revision.py   the revision of the tables of a database, and the names of the files that upgrade them
model_files.py  `ModelsArtifactRepository`: the place of a model's files, which may be gone
request.py    `http_request`, `get_default_host_creds`: one request with the user's login, without
              the retries that keep MLflow's client silent for minutes
"""

CHECKED_WITH = "3.17.2"
