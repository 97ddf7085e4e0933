from __future__ import annotations

from eval.metrics.markers import dangling_markers, markers_of, strip_markers


def test_markers_and_the_blanks_before_them_go() -> None:
    assert strip_markers("In 2023 [1][2]. Then [1, 3] this [2023] [0].") == "In 2023. Then this [2023] [0]."
    assert strip_markers("约五秒[1]。[12] 北京 [1，2]") == "约五秒。 北京"


def test_every_number_has_its_place() -> None:
    assert list(markers_of("北京 [1, 2] x[3]")) == [(3, 1), (3, 2), (11, 3)]


def test_dangling() -> None:
    assert dangling_markers("a [1] b [2, 3]. 丙[3]", [1, 2]) == 2
    assert dangling_markers("a [1]", []) == 1
    assert dangling_markers("none", [1]) == 0
