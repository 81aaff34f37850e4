"""Tables of a report as data frames."""

import io

import pandas as pd

from tune_noise.reporting.tables import Table


def frame(table: Table) -> pd.DataFrame:
    """Read a table back from its CSV."""
    return pd.read_csv(io.BytesIO(table.csv()))
