import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.masking import mask_password


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://ada:se@cret@host:5000/x", "http://***@host:5000/x"),
        ("http://ada:s/ec#re?t@host:5000/x", "http://***@host:5000/x"),
        ("postgresql://u:p/w@[::1]:5432/db", "postgresql://***@[::1]:5432/db"),
        ("https://token@host/x", "https://***@host/x"),
        ("postgresql://u@h/db?password=secret&x=1", "postgresql://u@h/db?password=***&x=1"),
        ("postgresql+psycopg://u:p@h:1/db, gone", "postgresql+psycopg://***@h:1/db, gone"),
        ("from 'http://a:b@c' to (http://d:e@f)", "from 'http://***@c' to (http://***@f)"),
    ],
)
def test_passwords_are_masked(text: str, masked: str) -> None:
    assert mask_password(text) == masked
    assert mask_password(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////runs/mlflow.db",
        "sqlite:////home/ada@work/runs/mlflow.db",
        "postgresql://ada@db.example:5432/tune",
        "http://mlflow:5000/#/experiments/1?workflowType=machine_learning",
        "http://[::1]:5000/a@b",
        "see http://host:5000/x or write to ada@example.org",
    ],
)
def test_what_is_no_password_stays(text: str) -> None:
    assert mask_password(text) == text


@given(
    scheme=st.sampled_from(["http", "https", "postgresql", "mysql+pymysql"]),
    user=st.text("abcXYZ09._-%", min_size=1),
    # A port cannot be told from a password of digits that ends before a slash.
    password=st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1).map(
        lambda text: f"Secret{text}"
    ),
)
def test_no_password_of_a_uri_survives(scheme: str, user: str, password: str) -> None:
    masked = mask_password(f"refused: {scheme}://{user}:{password}@127.0.0.1:5000/x")
    assert "Secret" not in masked
    assert masked.endswith("@127.0.0.1:5000/x")
