"""Settings: where a value comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.errors import SettingsError
from ragbot.settings import Settings, load_settings, value_of, walk


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ragbot.toml"
    path.write_text("[retrieval]\ntop_k = 7\n", encoding="utf-8")
    monkeypatch.setenv("RAGBOT_CONFIG", str(path))
    return path


def test_defaults() -> None:
    settings, origins = load_settings()
    assert settings.retrieval.top_k == 10
    assert origins["retrieval.top_k"] == "default"
    assert set(origins) == {key for key, _ in walk(Settings)}


def test_argument_before_variable_before_file_before_default(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, origins = load_settings()
    assert (settings.retrieval.top_k, origins["retrieval.top_k"]) == (7, str(toml))
    monkeypatch.setenv("RAGBOT_RETRIEVAL__TOP_K", "8")
    settings, origins = load_settings({"retrieval.top_k": None})
    assert (settings.retrieval.top_k, origins["retrieval.top_k"]) == (8, "RAGBOT_RETRIEVAL__TOP_K")
    settings, origins = load_settings({"retrieval.top_k": 9})
    assert (settings.retrieval.top_k, origins["retrieval.top_k"]) == (9, "argument")


def test_layers_are_merged_key_by_key(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_RETRIEVAL__DENSE_WEIGHT", "0.25")
    settings, _ = load_settings({"retrieval.candidates": 50})
    retrieval = settings.retrieval
    assert (retrieval.top_k, retrieval.dense_weight, retrieval.candidates) == (7, 0.25, 50)


def test_file_given_wins_over_the_variable(toml: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('kb = "thesis"\n', encoding="utf-8")
    settings, origins = load_settings(file=other)
    assert (settings.kb, settings.retrieval.top_k, origins["kb"]) == ("thesis", 10, str(other))


def test_file_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGBOT_CONFIG")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ragbot.toml").write_text('\ufeffkb = "here"\n', encoding="utf-8")  # as Windows' editor saves it
    settings, origins = load_settings()
    assert (settings.kb, origins["kb"]) == ("here", "ragbot.toml")


@pytest.mark.parametrize(
    ("key", "near"),
    [("retrieval.topk", "retrieval.top_k"), ("generation.temprature", "generation.temperature"), ("lm", "llm")],
)
def test_unknown_key_is_refused_with_the_nearest(key: str, near: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({key: 1})
    assert key in str(caught.value) and near in str(caught.value)


def test_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_RETRIEVAL__TOPK", "3")
    with pytest.raises(SettingsError, match=r"retrieval\.topk.*retrieval\.top_k"):
        load_settings()


def test_unknown_key_of_the_file_names_the_file(toml: Path) -> None:
    toml.write_text("[retreival]\ntop_k = 7\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(toml) in str(caught.value) and "'retrieval.top_k'" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("retrieval.top_k", 0),
        ("retrieval.top_k", "many"),
        ("retrieval.dense_weight", 1.5),
        ("generation.temperature", -1),
        ("generation.strategy", "zeroshot"),
        ("generation.samples", 0),
        ("language", "fr"),
        ("chunking.chunk_tokens", 4),
        ("ui.port", 70_000),
    ],
)
def test_bad_value_is_refused_and_named(key: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({key: value})
    assert key in str(caught.value) and repr(value) in str(caught.value) and "argument" in str(caught.value)


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"(?s)retrieval\.top_k.*ui\.port|ui\.port.*retrieval\.top_k"):
        load_settings({"retrieval.top_k": 0, "ui.port": -1})


@pytest.mark.parametrize("content", [b"kb = ", b"\xff\xfe\x00", b"[retrieval\n"])
def test_file_that_is_no_toml(toml: Path, content: bytes) -> None:
    toml.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(toml) in str(caught.value)


def test_section_given_as_a_value(toml: Path) -> None:
    toml.write_text("retrieval = 5\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="retrieval"):
        load_settings()


@pytest.mark.parametrize("value", ["5", "nonsense", "[1]"])
def test_section_given_as_a_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RAGBOT_RETRIEVAL", value)
    with pytest.raises(SettingsError, match=r"(?i)retrieval"):
        load_settings()


def test_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGBOT_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml does not exist"):
        load_settings()


def test_secrets_are_not_shown() -> None:
    settings, _ = load_settings({"openai.api_key": "sk-verysecret"})
    assert settings.openai.api_key.get_secret_value() == "sk-verysecret"
    for shown in (
        repr(settings),
        str(settings),
        repr(value_of(settings, "openai.api_key")),
        settings.model_dump_json(),
    ):
        assert "verysecret" not in shown


def test_secrets_are_not_shown_in_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"openai.api_key": 48151623})
    assert "48151623" not in str(caught.value) and "openai.api_key" in str(caught.value)


def test_every_setting_is_described() -> None:
    assert [key for key, description in walk(Settings) if not description] == []


def test_kb_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = Settings(data_dir=Path("~/data"), kb="mine")
    assert settings.kb_path() == tmp_path / "data" / "kb" / "mine"
    assert settings.kb_path("other") == tmp_path / "data" / "kb" / "other"
    assert settings.kb_path("./here") == tmp_path / "here"
    assert settings.kb_path("~/there") == tmp_path / "there"
    assert settings.kb_path("/abs/kb") == Path("/abs/kb")
    assert settings.kb_path(".") == tmp_path
    (tmp_path / "mine").mkdir()
    assert settings.kb_path("mine") == tmp_path / "data" / "kb" / "mine"  # a folder, but no knowledge base
    (tmp_path / "mine" / "catalog.sqlite3").touch()
    assert settings.kb_path("mine") == tmp_path / "mine"
    (tmp_path / "data" / "kb" / "mine").mkdir(parents=True)
    (tmp_path / "data" / "kb" / "mine" / "catalog.sqlite3").touch()
    with pytest.raises(SettingsError, match=r"\./mine"):
        settings.kb_path("mine")


def test_data_folder_of_the_tests_is_not_the_users() -> None:
    assert "home" in load_settings()[0].data_dir.parts[-2]
