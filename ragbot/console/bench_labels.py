"""The words of ``ragbot models bench``, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class BenchLabels:
    """One language's words; ``{}`` is where a value goes, in the order of the name."""

    embedder: str
    reranker: str
    loaded: str
    languages: dict[str, str]
    columns: tuple[str, str, str, str, str, str]
    pairs: str
    threads: str
    share: str
    elsewhere: str
    default_threads: str
    fewer_threads: str
    fewer_threads_torch: str
    share_means: str
    million: str
    longer: str
    accelerator: str
    busy: str


BENCH_LABELS = {
    "en": BenchLabels(
        embedder="Embedder",
        reranker="Reranker",
        loaded="{name} ({details}), loaded in {seconds:.1f} s",
        languages={"zh": "Chinese", "en": "English"},
        columns=("", "passages/s", "tokens/s", "characters/s", "ms per query: P50", "P95"),
        pairs="A query is a question with {count} passages.",
        threads="Threads tried: {tried}. Best: {best}.",
        share="Matrix products: {gops:,.0f} GOPS, {share:.0%} of the {peak:,.0f} GOPS that this machine does in {kind} "
        "products of {rows} × {columns} weights.",
        elsewhere="It does not run in this process: its share of this machine's peak means nothing.",
        default_threads="Nothing to set: one thread for each of the {cores} cores is the default, and the fastest.",
        fewer_threads="{best} of {cores} threads are enough here. To use no more (Linux): taskset -c 0-{last} ragbot …",
        fewer_threads_torch="{best} of {cores} threads are enough here. To use no more: OMP_NUM_THREADS={best} ragbot …",
        share_means="The rest of the time goes to attention, normalisation and tokenising. A larger share needs another "
        "CPU or a smaller model, not another setting.",
        million="A million characters take about {zh} to embed in Chinese, {en} in English.",
        longer="A search with it takes about {p50:,.0f} ms longer (P95: {p95:,.0f} ms). Fewer passages cost less: "
        "retrieval.rerank_candidates.",
        accelerator="It runs on the CPU; a GPU that torch sees would be used by itself.",
        busy="The machine was busy (load {load:.1f} on {cores} cores): measure again when it is idle.",
    ),
    "zh": BenchLabels(
        embedder="嵌入模型",
        reranker="重排模型",
        loaded="{name}（{details}），载入用时 {seconds:.1f} 秒",
        languages={"zh": "中文", "en": "英文"},
        columns=("", "段/秒", "token/秒", "字符/秒", "每次查询毫秒：P50", "P95"),
        pairs="一次查询指一个问题配 {count} 个段落。",
        threads="试过的线程数：{tried}。最佳：{best}。",
        share="矩阵乘法：{gops:,.0f} GOPS，为本机 {kind} 乘法（权重 {rows} × {columns}）实测峰值 {peak:,.0f} GOPS 的 {share:.0%}。",
        elsewhere="模型不在本进程中运行，无法与本机的峰值相比。",
        default_threads="无需设置：默认每个核心一个线程（共 {cores} 个），也最快。",
        fewer_threads="这里 {best} 个线程就够了（共 {cores} 个核心）。只用这么多（Linux）：taskset -c 0-{last} ragbot …",
        fewer_threads_torch="这里 {best} 个线程就够了（共 {cores} 个核心）。只用这么多：OMP_NUM_THREADS={best} ragbot …",
        share_means="其余时间用于注意力、归一化和分词。要提高这一比例，只能换 CPU 或更小的模型，调设置没有用。",
        million="嵌入一百万字符：中文约需 {zh}，英文约需 {en}。",
        longer="使用它的搜索大约慢 {p50:,.0f} 毫秒（P95 为 {p95:,.0f} 毫秒）。段落越少越快：retrieval.rerank_candidates。",
        accelerator="目前在 CPU 上运行；有 torch 认得的 GPU 时会自动使用。",
        busy="测量时机器正忙（{cores} 个核心，负载 {load:.1f}）：请在空闲时重测。",
    ),
}


def bench_labels(settings: Settings) -> BenchLabels:
    """The words in the language of the settings; ``auto`` is English, since no question was asked."""
    return BENCH_LABELS["zh" if settings.language == "zh" else "en"]
