import pytest

from tune_noise.data.encoders.chosen import choose_encoder
from tune_noise.data.encoders.stored import load_encoder, save_encoder
from tune_noise.errors import DataError

OWN = "tests.data.encoders.own_encoders:LetterCounts"


@pytest.mark.parametrize(
    ("asked", "kind", "message"),
    [
        ("tfdif", "texts", "did you mean 'tfidf'"),
        ("pixels", "texts", "takes photos, and these are texts: choose from tfidf"),
        ("tfidf", "features", "used as they come: leave the encoder out"),
        ({"name": "tfidf", "dimension": 3}, "texts", "encoder.dimension .*did you mean"),
        ({"name": "tfidf", "dimensions": 1}, "texts", "encoder.dimensions .*greater than or"),
        ({"size": 5, "channels": 2}, "photos", "(?s)2 problems.*encoder.size.*encoder.channels"),
        ("no.such.module:thing", "texts", "cannot be imported"),
        ("tests.data.encoders.own_encoders:nothing", "texts", "has no 'nothing'"),
        ("tests.data.encoders.own_encoders:WORDS", "texts", "must be a class or a function"),
        ("builtins:dict", "texts", "object with a method `encode`"),
        ({"name": OWN, "letters": "many"}, "texts", "encoder.letters"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_way_out(asked, kind, message):
    with pytest.raises(DataError, match=message):
        choose_encoder(asked, kind)


def test_a_missing_library_is_told_with_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wordllama", None)
    with pytest.raises(DataError, match=r"pip install 'tune-noise\[wordllama\]'"):
        choose_encoder("wordllama", "texts")


def test_a_folder_does_not_say_alone_which_code_is_run(tmp_path):
    chosen = choose_encoder(OWN, "texts")
    chosen.encoder.fit(["abc"])
    save_encoder(tmp_path, chosen.about, chosen.encoder.state())
    with pytest.raises(DataError, match=f"own_encoder='{OWN}'"):
        load_encoder(tmp_path)
    assert load_encoder(tmp_path, own_encoder=OWN).about == chosen.about


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("encoder.json", "{"),
        ("encoder.json", "[]"),
        ("encoder.json", '{"name": "tfidf"}'),
        ("encoder.safetensors", "no"),
    ],
)
def test_damaged_files_are_refused(tmp_path, file, content):
    chosen = choose_encoder("tfidf", "texts")
    chosen.encoder.fit(["some words", "some more words"])
    save_encoder(tmp_path, chosen.about, chosen.encoder.state())
    load_encoder(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match="not an encoder written by tune_noise"):
        load_encoder(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DataError, match="there is no file"):
        load_encoder(tmp_path)
