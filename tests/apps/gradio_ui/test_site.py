"""Each visitor has the knowledge bases, the rights and the conversations of their key, and no others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.door.login import COOKIE
from apps.gradio_ui.site import Site, Visitor
from ragbot.errors import SourceError, UserError
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights


def request(token: str = "", language: str = "en") -> Any:
    return SimpleNamespace(headers={"accept-language": language, "cookie": f"{COOKIE}={token}"})


def visitor(site: Site, name: str, rights: Rights) -> Visitor:
    _, secret = Keys(site.workspace).create(name, rights)
    return site.visitor(request(site.login.begin(str(secret)) or ""))


def test_the_owner_may_everything(site: Site) -> None:
    owner = site.visitor(request(language="zh-CN,zh;q=0.9"))
    assert owner.language == "zh"
    assert owner.knowledge_bases() == ["default", "other"]
    assert owner.may("admin")
    assert owner.chosen("other") == "other"
    assert owner.chosen("gone") == owner.chosen(None) == "default"


def test_a_key_opens_its_own_and_does_what_it_may(site: Site) -> None:
    reader = visitor(site, "reader", Rights("read", ("other",)))
    assert reader.knowledge_bases() == ["other"]
    assert reader.chosen("default") == "other"
    with reader.using("other") as bot:
        assert bot.documents() == []
    for name in ("default", "../default", "no such"):
        with pytest.raises(UserError, match="there is no knowledge base"), reader.using(name):
            pass
    with pytest.raises(UserError, match="needs the scope write"), reader.using("other", "write"):
        pass


def test_without_a_session_nothing_is_done(site: Site) -> None:
    visitor(site, "ana", Rights())
    with pytest.raises(UserError, match="log in again"):
        site.visitor(request())


def test_nobody_finds_what_another_one_said(site: Site) -> None:
    ana, ben = visitor(site, "ana", Rights(groups=None)), visitor(site, "ben", Rights(groups=None))
    with ana.using("default") as bot:
        talk = ana.conversation(bot, "")
        talk.ask("LoRA 训练什么？")
        assert [info.id for info in ana.listed(bot)] == [talk.id]
        assert ana.found(bot, talk.id)
        assert ben.listed(bot) == []
        assert ben.found(bot, talk.id) is None
        assert ben.conversation(bot, talk.id).id != talk.id
        assert bot.conversations.all() == []
    with ana.using("other") as bot:  # of another knowledge base
        assert ana.listed(bot) == []


def test_a_document_is_shown_to_those_alone_who_may_see_it(site: Site) -> None:
    ana, ben = (visitor(site, name, Rights(groups=(name,))) for name in ("ana", "ben"))
    with ana.using("default") as bot:
        source = next(one.source for one in bot.documents() if one.source.endswith("lora.md"))
        document = bot.set_access(source, ["ana"])
        assert document in bot.documents(ana.where())
        assert document not in bot.documents(ben.where())
        assert bot.document_text(document.id, ana.where())
        with pytest.raises(SourceError):
            bot.document_text(document.id, ben.where())
