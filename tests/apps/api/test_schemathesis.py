"""Requests made of the server's own description: nothing that can be sent makes it fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ragbot.models.testing import ScriptedChatModel
from tests.agents.doubles import say
from tests.apps.api.conftest import fill
from tests.apps.api.serving import PATIENCE, app_of, running
from tests.apps.api.serving import settings as settings_in

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

#: Of these nothing is made up: streams that last, and pages for people.
_LEFT_OUT = {"/v1/knowledge-bases/{kb}/jobs/{job_id}/events"}
EXAMPLES = 12


@pytest.fixture(scope="module")
def app(papers: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """With a chat model, so that the agent has one."""
    made = app_of(settings_in(tmp_path_factory.mktemp("data")), llm=ScriptedChatModel(lambda _: say("Yes.")))
    fill(made, papers)
    return made


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with running(app) as address:
        yield address


def test_no_request_makes_the_server_fail(app: FastAPI, url: str) -> None:
    described = schemathesis.openapi.from_dict(app.openapi())
    routes = [found.ok() for found in described.get_all_operations()]
    assert len(routes) > 20
    asked: dict[str, int] = {}
    for route in routes:
        if route.path in _LEFT_OUT:
            continue
        label = f"{route.method} {route.path}"
        for case in examples(route):
            with suppress(UnicodeError, ValueError):  # what HTTP itself cannot carry
                response = case.call(base_url=url, timeout=PATIENCE)
                asked[label] = asked.get(label, 0) + 1
                assert response.status_code < 500, (label, case.body, response.text)
                if response.status_code >= 400:
                    assert response.json()["error"]["message"]
    assert len(asked) == len(routes) - len(_LEFT_OUT)


def examples(route: object) -> list[object]:
    """Some requests for a route, of those that its description allows and of those that it does not."""
    found: list[object] = []

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]))
        found.append(data.draw(route.as_strategy(generation_mode=mode)))  # type: ignore[attr-defined]

    draw()
    return found
