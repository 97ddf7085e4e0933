"""How Streamlit is set up, and what is written on the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit import config

from apps.streamlit_ui import words
from apps.streamlit_ui.options import options
from apps.streamlit_ui.words import plain, say, texts
from ragbot.settings import Settings

HERE = Path(words.__file__).parent


def test_every_option_is_one_of_streamlits() -> None:
    given = options(Settings(), "127.0.0.1", 7860)
    assert [name for name in given if name not in config._config_options_template] == []


def test_nothing_is_reported_watched_or_open() -> None:
    given = options(Settings(ingest={"max_file_mb": 7}), "127.0.0.1", 1234)  # type: ignore[arg-type]
    assert given["browser.gatherUsageStats"] is False
    assert given["server.fileWatcherType"] == "none"
    assert given["server.enableXsrfProtection"] is given["server.enableCORS"] is True
    assert given["server.enableAgentApi"] is given["server.enableStaticServing"] is False
    assert (given["server.address"], given["server.port"], given["server.maxUploadSize"]) == ("127.0.0.1", 1234, 7)
    assert given["client.toolbarMode"] == "minimal" and given["client.allowedOrigins"] == []
    assert not any("http" in str(value) for value in given.values())


def test_both_languages_have_the_same_texts_with_the_same_names() -> None:
    english, chinese = texts("en"), texts("zh")
    assert english.keys() == chinese.keys()
    for key in english:
        assert set(re.findall(r"{(\w+)}", english[key])) == set(re.findall(r"{(\w+)}", chinese[key])), key
        assert english[key].strip() and chinese[key].strip(), key


def test_every_text_is_used_and_every_text_that_is_used_is_there() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.py"))
    written = set(re.findall(r"""["']([a-z_]+)["']""", source))
    begun = set(re.findall(r'f"([a-z]+_){', source)) | {"run_"}
    assert [key for key in texts("en") if key not in written and not key.startswith(tuple(begun))] == []
    called = set(re.findall(r'\bsay\(\s*(?:(?:self\.)?_?language, )?"([a-z_]+)"', source))
    assert called - texts("en").keys() == set()


@pytest.mark.parametrize(
    "text",
    [
        "**bold** [link](http://evil.example)",
        "<b>x</b>",
        "$x$ :smile: `code`",
        "# title\n\n- item",
        ":red[x] ~~y~~",
        "\ud800 \x00",
    ],
)
def test_labels_are_no_markdown(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown and "\ud800" not in shown
    assert re.sub(r"\\(.)", "", shown).translate(str.maketrans("", "", "*_[]()<>`#$:~|!")) == re.sub(
        r"\\(.)", "", shown
    )


def test_a_long_label_is_cut() -> None:
    assert plain("a" * 100, 10) == "a" * 9 + "…"
    assert say("zh", "show_all", count=3) == "显示全部 3 个"
