from __future__ import annotations

import pytest

from eval.metrics.tokens import mixed_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("用 8GB 的ＧＰＵ，约 1,024.5 个！", ["用", "8", "gb", "的", "gpu", "约", "1024.5", "个"]),
        ("State-of-the-art, isn't it?", ["state", "of", "the", "art", "isn", "t", "it"]),
        ("カタカナ々", list("カタカナ々")),
        ("臺灣 台湾", list("臺灣台湾")),
        ("Привет snake_case 3, 4", ["привет", "snake", "case", "3", "4"]),
        ("，。…… _", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert mixed_tokens(text) == tokens
