"""The lexical index: scores of BM25 as written in the paper, whatever was added, removed and merged on the way."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbot.index.analysis import terms
from ragbot.index.container import read_container, write_container
from ragbot.index.lexical import K1, KIND, MANIFEST, MAX_SEGMENTS, AheadError, B, LexicalIndex
from ragbot.index.segment import Segment

WORDS = ["cat", "dog", "GPT-4", "机器学习", "学习", "the"]
TEXT = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


def bm25(documents: Mapping[int, str], question: str) -> dict[int, float]:
    """Robertson & Zaragoza 2009, formula 3.15, with Lucene's idf; straight from the page."""
    words = {identity: terms(text) for identity, text in documents.items()}
    average = sum(map(len, words.values())) / len(words) if words else 1.0
    scores = {}
    for identity, found in words.items():
        counts = Counter(found)
        score = 0.0
        for term in set(terms(question)):
            containing = sum(term in other for other in words.values())
            idf = math.log(1 + (len(words) - containing + 0.5) / (containing + 0.5))
            norm = K1 * (1 - B + B * len(found) / (average or 1.0))
            score += idf * counts[term] * (K1 + 1) / (counts[term] + norm) if counts[term] else 0.0
        scores[identity] = score
    return scores


def check(index: LexicalIndex, documents: Mapping[int, str], question: str) -> None:
    reference = bm25(documents, question)
    scores = index.score(question)
    ids = np.array(sorted(documents), np.int64)
    assert len(index) == len(documents)
    np.testing.assert_allclose(scores.of(ids), [reference[i] for i in ids], rtol=1e-5, atol=1e-6)
    assert scores.mean == pytest.approx(np.mean(list(reference.values()) or [0.0]), rel=1e-5, abs=1e-6)
    assert scores.deviation == pytest.approx(np.std(list(reference.values()) or [0.0]), rel=1e-4, abs=1e-5)
    best = sorted((i for i in ids if scores.of(np.array([i]))[0] > 0), key=lambda i: (-scores.of(np.array([i]))[0], i))
    for k in (1, 3, 100):
        assert scores.top(k).tolist() == best[:k]
    allowed = ids[::2]
    assert scores.top(2, allowed).tolist() == [i for i in best if i in set(allowed.tolist())][:2]
    gone = np.array([max(documents, default=0) + 1, -1], np.int64)
    assert scores.of(gone).tolist() == [0, 0]
    words = sorted(set(terms(question)))
    holding = [sum(word in terms(text) for text in documents.values()) for word in words]
    assert index.document_frequencies(words) == holding


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[int], list[str]]]:
    """Steps of (how many of the living to remove, texts to add)."""
    return draw(st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=3), st.lists(TEXT, max_size=3)), max_size=14))


@settings(max_examples=60)
@given(histories(), st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join))
def test_scores_after_any_history(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[int], list[str]]], question: str
) -> None:
    folder = tmp_path_factory.mktemp("lexical")
    index, documents, last = LexicalIndex(), dict[int, str](), 0
    for seq, (picks, texts) in enumerate(history, 1):
        removed = [sorted(documents)[pick % len(documents)] for pick in picks if documents]
        added = list(range(last + 1, last + 1 + len(texts)))
        last += len(texts)
        for identity in removed:
            documents.pop(identity, None)
        documents.update(zip(added, texts, strict=True))
        index.apply(seq, removed, added, texts)
        if seq % 3 == 0:
            index.apply(seq, removed, added, texts)  # once more: nothing changes
        if seq % 5 == 0:
            index.save(folder)
    check(index, documents, question)
    index.save(folder)
    check(index, documents, question)
    loaded = LexicalIndex.load(folder, index.seq)
    assert loaded.seq == index.seq
    check(loaded, documents, question)
    fresh = LexicalIndex()
    fresh.apply(1, [], sorted(documents), [documents[identity] for identity in sorted(documents)])
    ids = np.array(sorted(documents), np.int64)
    np.testing.assert_array_equal(fresh.score(question).of(ids), index.score(question).of(ids))


def filled(steps: int = 20) -> tuple[LexicalIndex, dict[int, str]]:
    rng, index, documents = random.Random(4), LexicalIndex(), dict[int, str]()
    for step in range(steps):
        text = " ".join(rng.choices(WORDS, k=5))
        documents[step + 1] = text
        index.apply(step + 1, [], [step + 1], [text])
    return index, documents


def test_segments_are_merged() -> None:
    index, documents = filled(60)
    assert len(index._segments) <= MAX_SEGMENTS
    check(index, documents, "cat 学习")


def test_no_segment_grows_beyond_what_one_deletion_may_rewrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.index.lexical.SEGMENT_ROWS", 16)
    index, documents = filled(200)
    index.save(tmp_path)
    assert max(map(len, index._segments)) <= 16
    assert sum(2 * len(segment) < 16 for segment in index._segments) <= MAX_SEGMENTS
    check(index, documents, "cat 学习")
    before = set(index._names)
    index.apply(201, [100], [], [])
    del documents[100]
    index.save(tmp_path)
    assert len(before - set(index._names)) == 1
    check(LexicalIndex.load(tmp_path, 201), documents, "cat 学习")


def test_the_best_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are sorted: what is left out beforehand must not be among the best. Many scores are equal."""
    monkeypatch.setattr("ragbot.index.lexical.SEGMENT_ROWS", 1_000)
    rng, index = random.Random(2), LexicalIndex()
    for begin in range(1, 6_001, 500):
        index.apply(begin, [], range(begin, begin + 500), [" ".join(rng.choices(WORDS, k=4)) for _ in range(500)])
    index.apply(7_000, range(1, 6_001, 7), [], [])
    ids = np.array([i for i in range(1, 6_001) if i % 7 != 1])
    for question in ("cat", "GPT-4 学习", "the the nowhere", "没有"):
        scores = index.score(question)
        values = scores.of(ids)
        for allowed in (None, ids[::2], ids[::50], ids[:1], ids[:0], np.array([-5, 3, 10**9])):
            kept = values > 0 if allowed is None else (values > 0) & np.isin(ids, allowed)
            best = ids[kept][np.lexsort((ids[kept], -values[kept]))]
            for k in (1, 20, 5_000):
                assert scores.top(k, allowed).tolist() == best[:k].tolist()


def test_an_older_layout_is_built_again_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index, documents = filled()
    index.save(tmp_path)
    metadata, _ = read_container(tmp_path / MANIFEST, KIND)
    del metadata["layout"]
    write_container(tmp_path / MANIFEST, KIND, metadata, {})
    loaded = LexicalIndex.load(tmp_path, index.seq)
    assert (loaded.seq, len(loaded)) == (0, 0)
    assert not caplog.records
    loaded.apply(index.seq, [], list(documents), list(documents.values()))
    loaded.save(tmp_path)
    check(LexicalIndex.load(tmp_path, index.seq), documents, "cat 学习")


def test_scores_follow_each_change() -> None:
    """What is kept from one question to the next depends on the average length of a chunk."""
    index, documents = LexicalIndex(), dict[int, str]()
    for step, text in enumerate(["cat", "cat dog dog", "学习 the the the the cat", "dog", "机器学习 cat"], 1):
        documents[step] = text
        index.apply(step, [], [step], [text])
        check(index, documents, "cat 学习")
    index.apply(6, [3], [], [])
    del documents[3]
    check(index, documents, "cat 学习")


def test_empty() -> None:
    check(LexicalIndex(), {}, "cat")
    check(filled()[0], filled()[1], "")
    check(filled()[0], filled()[1], "nowhere 没有")


def test_nothing_to_load(tmp_path: Path) -> None:
    assert LexicalIndex.load(tmp_path, 5).seq == 0


def test_ahead_of_the_catalog_or_of_another_one(tmp_path: Path) -> None:
    index, _ = filled()
    index.save(tmp_path, "one")
    assert LexicalIndex.load(tmp_path, index.seq, "one").seq == index.seq
    with pytest.raises(AheadError, match="are lost"):
        LexicalIndex.load(tmp_path, index.seq - 1, "one")
    assert LexicalIndex.load(tmp_path, index.seq, "another").seq == 0


@pytest.mark.parametrize("which", ["manifest", "segment"])
@pytest.mark.parametrize("damage", ["cut", "zeroed tail", "bit", "emptied", "gone", "replaced"])
def test_damaged_files_are_not_trusted(tmp_path: Path, which: str, damage: str) -> None:
    index, _ = filled()
    index.save(tmp_path)
    victims = sorted(tmp_path.glob("lexical-*")) if which == "segment" else [tmp_path / MANIFEST]
    for victim in victims:
        whole = victim.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) * 2 // 3] ^= 4
        if damage == "gone":
            victim.unlink()
        else:
            changed = {
                "cut": whole[: len(whole) // 2],
                "zeroed tail": whole[:-64] + bytes(64),
                "bit": bytes(flipped),
                "emptied": b"",
                "replaced": b"something else" * 100,
            }[damage]
            if changed == whole:
                continue  # its tail is zeros already
            victim.write_bytes(changed)
        loaded = LexicalIndex.load(tmp_path, index.seq)
        assert (loaded.seq, len(loaded)) == (0, 0), victim
        victim.write_bytes(whole)
    assert LexicalIndex.load(tmp_path, index.seq).seq == index.seq


def test_files_that_are_no_longer_named_are_dropped(tmp_path: Path) -> None:
    index, _ = filled(60)
    index.save(tmp_path)
    (tmp_path / "lexical-0123.ragbot.tmp").write_bytes(b"of a writer that was killed")
    for step in range(61, 100):
        index.apply(step, [], [step], ["cat"])
        index.save(tmp_path)
    assert {path.name for path in tmp_path.glob("lexical-*")} == set(index._names)


def test_a_killed_save_leaves_the_older_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, documents = filled(5)
    index.save(tmp_path)
    index.apply(6, [1], [6], ["dog"])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ragbot.index.lexical.write_container", killed)
    with pytest.raises(KeyboardInterrupt):
        index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path, 6)
    assert loaded.seq == 5
    check(loaded, documents, "cat dog")


def test_two_that_write_in_turn_do_not_mix_up_their_files(tmp_path: Path) -> None:
    index, documents = filled(5)
    index.save(tmp_path)
    first, second = LexicalIndex.load(tmp_path, 5), LexicalIndex.load(tmp_path, 5)
    for step in range(6, 30):
        for writer in (first, second):
            writer.apply(step, [step - 5], [step], [f"cat {step}"])
        (first, second)[step % 2].save(tmp_path)
        documents.pop(step - 5, None)
        documents[step] = f"cat {step}"
        loaded = LexicalIndex.load(tmp_path, step)
        assert loaded.seq == step
        check(loaded, documents, f"cat {step}")


def test_a_segment_that_is_merged_away_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, documents = filled(5)
    index.save(tmp_path)
    read = Segment.read

    def overtaken(path: Path, identity: str) -> Segment:
        monkeypatch.setattr(Segment, "read", read)
        index._replace(0, len(index._segments), Segment.merge(index._segments, index._alive))
        index.save(tmp_path)
        assert not path.exists()
        return read(path, identity)

    monkeypatch.setattr(Segment, "read", overtaken)
    loaded = LexicalIndex.load(tmp_path, 5)
    assert loaded.seq == 5
    check(loaded, documents, "cat dog")


def test_words_of_deleted_chunks_stand_in_no_file(tmp_path: Path) -> None:
    index, _ = filled(5)
    index.apply(6, [], [6, 7], ["topsecret words", "cat"])
    index.save(tmp_path)
    assert any(b"topsecret" in path.read_bytes() for path in tmp_path.iterdir())
    index.apply(7, [6], [], [])
    index.save(tmp_path)
    assert not any(b"topsecret" in path.read_bytes() for path in tmp_path.iterdir())


def many(count: int) -> tuple[LexicalIndex, dict[int, str]]:
    rng, index, documents = random.Random(3), LexicalIndex(), dict[int, str]()
    for seq, begin in enumerate(range(0, count, 100), 1):
        texts = {
            i: " ".join(rng.choices([*WORDS, "rare"], [9, 9, 9, 9, 9, 9, 1], k=6)) for i in range(begin, begin + 100)
        }
        index.apply(seq, [], list(texts), list(texts.values()))
        documents |= texts
    return index, documents


def test_the_best_of_several_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.index.lexical.SEGMENT_ROWS", 300)
    index, documents = many(1_200)
    assert len(index._segments) > 3
    for question in ("rare cat", "机器学习 the", "rare", "dog"):
        check(index, documents, question)
        scores = index.score(question)
        ids = np.array(sorted(documents), np.int64)
        values = scores.of(ids)
        best = ids[np.lexsort((ids, -values))][: int((values > 0).sum())]
        for k in (1, 7, 50, 5_000):
            assert scores.top(k).tolist() == best[:k].tolist()
            assert scores.top(k) is scores.top(k)  # kept
        mixed = np.random.default_rng(1).permutation(ids)
        assert scores.of(mixed).tolist() == values[mixed].tolist()
        assert scores.top(5, ids[::3]).tolist() == [i for i in best.tolist() if i % 3 == 0][:5]


def test_scores_stay_what_they_were_while_the_index_changes() -> None:
    index, documents = many(200)
    before = index.score("rare cat")
    ids = np.array(sorted(documents), np.int64)
    values, best = before.of(ids).tolist(), before.top(10).tolist()
    words = sorted(set(terms("rare cat")))
    counted = index.document_frequencies(words)
    assert index.current(before)
    alive = index._alive[0]
    index.apply(100, best[:5], [], [])
    assert alive.all()  # what another thread may be reading is not written to
    assert not index.current(before)
    assert (before.of(ids).tolist(), before.top(10).tolist()) == (values, best)
    after = index.score("rare cat")
    assert index.current(after) and not set(after.top(200).tolist()) & set(best[:5])
    assert index.document_frequencies(words) != counted
    check(index, {i: text for i, text in documents.items() if i not in best[:5]}, "rare cat")
