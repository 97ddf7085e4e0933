"""The words around keys, in the language of the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class KeyLabels:
    """One language's words; ``{}`` is where a value goes."""

    none: str
    none_valid: str
    once: str
    first: str
    every_kb: str
    every_document: str
    open_documents: str
    endless: str
    until: str
    expired: str
    revoked: str
    never_used: str
    used: str
    were_revoked: str
    old_revoked: str
    old_until: str
    requests: str
    tokens: str


LABELS = {
    "en": KeyLabels(
        none="No keys yet. Make one: ragbot keys create NAME",
        none_valid="No valid keys; ragbot keys list --all shows the {} others.",
        once="The key {} ({}) is shown this one time: keep it now. It opens: {}",
        first="From now on, the server lets nobody in without a key.",
        every_kb="all knowledge bases",
        every_document="all documents",
        open_documents="documents without an access list",
        endless="no end",
        until="until {}",
        expired="expired {}",
        revoked="revoked {}",
        never_used="never used",
        used="used {}",
        were_revoked="Revoked: {}",
        old_revoked="The old one, {}, is revoked.",
        old_until="The old one, {}, goes on until {}.",
        requests="{} requests/min",
        tokens="{} tokens/min",
    ),
    "zh": KeyLabels(
        none="还没有密钥。创建一个：ragbot keys create 名称",
        none_valid="没有有效的密钥；用 ragbot keys list --all 查看其余 {} 个。",
        once="密钥 {}（{}）只显示这一次，请立即保存。权限：{}",
        first="从现在起，没有密钥就无法访问服务器。",
        every_kb="全部知识库",
        every_document="全部文档",
        open_documents="没有访问列表的文档",
        endless="长期有效",
        until="有效期至 {}",
        expired="已于 {} 过期",
        revoked="已于 {} 吊销",
        never_used="从未使用",
        used="最近使用 {}",
        were_revoked="已吊销：{}",
        old_revoked="旧密钥 {} 已吊销。",
        old_until="旧密钥 {} 在 {} 之前仍然有效。",
        requests="每分钟 {} 次请求",
        tokens="每分钟 {} 个 token",
    ),
}


def key_labels(settings: Settings) -> KeyLabels:
    """The labels of the setting ``language``; English with ``auto``, since nobody has said anything yet."""
    return LABELS["zh" if settings.language == "zh" else "en"]
