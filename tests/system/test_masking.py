import json
import shlex
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_noise.system.masking import mask_password


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


ANY = st.text(st.characters(codec="utf-8", exclude_categories=["C"])).map(
    lambda text: f"Secret{text}Secret"
)
NO_SPACE = ANY.map(lambda text: "".join(text.split()))


@given(
    scheme=st.sampled_from(["http", "https", "postgresql", "mysql+pymysql"]),
    user=st.text("abcXYZ09._-%"),
    password=NO_SPACE,
    before=st.sampled_from(["", "refused: ", "a@b.c says ", "http://h:1/x@y "]),
)
def test_no_password_of_a_uri_survives(scheme: str, user: str, password: str, before: str) -> None:
    masked = mask_password(f"{before}{scheme}://{user}:{password}@127.0.0.1:5000/x")
    assert "Secret" not in masked
    assert masked == f"{before}{scheme}://***@127.0.0.1:5000/x"


@given(password=st.text("0123456789", min_size=1), rest=st.sampled_from(["/a", "#b", "?c", ""]))
def test_a_database_s_password_of_digits_is_no_port(password: str, rest: str) -> None:
    assert mask_password(f"postgresql://u:{password}{rest}@h/d") == "postgresql://***@h/d"


@given(password=ANY)
def test_no_escaped_password_of_a_uri_survives(password: str) -> None:
    escaped = quote(password, safe="")
    for uri in (f"postgresql://u:{escaped}@h/d", f"postgresql://h/d?x=1&password={escaped}&y=2"):
        for text in (uri, f"'{uri}'", f'say "{uri}".', shlex.quote(uri)):
            masked = mask_password(text)
            assert "Secret" not in masked
            assert masked[0] == text[0]
            assert masked[-1] == text[-1]


@given(password=ANY)
def test_no_password_survives_behind_its_name(password: str) -> None:
    quoted = "'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"
    for text in (
        f"host=h password={quoted} port=1",
        f"host=h PASSWORD = {quoted}",
        f"PGPASSWORD={unspaced(password)} psql",
        repr({"password": password, "port": 1}),
        json.dumps({"sslpassword": password, "port": 1}),
    ):
        masked = mask_password(text)
        assert "Secret" not in masked
        assert masked.endswith(text[-4:]) or text.endswith("'")


def unspaced(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Basic YWRhOng=", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"),
        ("MLFLOW_TRACKING_TOKEN=abc next", "MLFLOW_TRACKING_TOKEN=*** next"),
        ("host=h password=abc\\ def port=1", "host=h password=*** port=1"),
    ],
)
def test_other_secrets_are_masked(text: str, masked: str) -> None:
    assert mask_password(text) == masked


@given(st.text())
def test_text_without_a_secret_s_name_or_a_uri_stays(text: str) -> None:
    assert mask_password(text) == text or "://" in text or "=" in text or ":" in text
