"""What the server says, in the language of the question or of the settings."""

from __future__ import annotations

from agents.tools.wording import Texts

TEXTS = Texts(
    en={
        "nothing": "Nothing was found.",
        "empty": "There are no documents in this knowledge base yet.",
        "sources": "Sources:",
        "refused": "(The documents do not answer this question.)",
        "nearest": "(The documents do not answer this question. What comes nearest:)",
        "unsupported": "Not supported by any source: {text}",
        "page": "page {page}",
        "searching": "searching",
        "answering": "answering",
        "documents": "{total} documents; {first} to {last}:",
        "next": "(more: offset={offset})",
        "no_match": "No document's title or source holds {words!r}.",
        "part": "{title} ({source}), characters {start} to {end} of {total}:",
        "behind": "start={start} is behind the end: the document has {total} characters.",
        "unknown": "there is no document {name!r}{near}; list_documents lists them",
        "several": "there are several documents called {name!r}: {names}",
        "near": "; did you mean {names}?",
        "ingested": "{added} added, {updated} updated, {skipped} unchanged, {failed} failed.",
    },
    zh={
        "nothing": "没有找到相关内容。",
        "empty": "知识库中还没有文档。",
        "sources": "来源：",
        "refused": "（文档中没有这个问题的答案。）",
        "nearest": "（文档中没有这个问题的答案。最接近的内容：）",
        "unsupported": "没有来源支持：{text}",
        "page": "第 {page} 页",
        "searching": "正在检索",
        "answering": "正在回答",
        "documents": "共 {total} 篇文档，第 {first} 至 {last} 篇：",
        "next": "（还有更多：offset={offset}）",
        "no_match": "没有标题或来源包含 {words!r} 的文档。",
        "part": "{title}（{source}），第 {start} 至 {end} 个字符，共 {total} 个：",
        "behind": "start={start} 超出末尾：该文档共 {total} 个字符。",
        "unknown": "没有名为 {name!r} 的文档{near}；list_documents 可列出全部文档",
        "several": "有多篇名为 {name!r} 的文档：{names}",
        "near": "；是不是 {names}？",
        "ingested": "新增 {added} 篇，更新 {updated} 篇，未变 {skipped} 篇，失败 {failed} 篇。",
    },
)
