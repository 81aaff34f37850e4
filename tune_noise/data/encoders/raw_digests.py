"""What tells raw inputs apart."""

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def raw_digests(inputs: "np.ndarray | pd.DataFrame") -> np.ndarray:
    """Return a digest of each text, or of each row of a table, S16 [N].

    The names of columns, and what is a number and what a word, are part of a row.
    """
    if isinstance(inputs, np.ndarray):
        texts = (str(text).encode("utf-8", "surrogatepass") for text in inputs)
        return np.array([hashlib.blake2b(t, digest_size=16).digest() for t in texts], "S16")
    import pandas as pd

    form = ",".join(f"{name!r}:{_form(inputs[name])}" for name in inputs.columns)
    shared = hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    # Words as they are written; hashing takes no mix of types.
    plain = inputs.apply(lambda column: column if _form(column) == "number" else column.astype(str))
    hashes = pd.util.hash_pandas_object(plain, index=False).to_numpy()
    return np.array([shared + value.tobytes() for value in hashes], "S16")


def _form(column: "pd.Series[Any]") -> str:
    import pandas as pd

    return "number" if pd.api.types.is_numeric_dtype(column) else "word"
