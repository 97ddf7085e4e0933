"""What the running app is made of: the knowledge bases, the workspace, logins, jobs, and the work under way."""

from __future__ import annotations

import threading

from apps.api.bots import Bots
from apps.door.login import Login
from apps.streamlit_ui.working import Works
from eval.background import Evaluations
from ragbot.composing.agent_sessions import AgentSessions
from ragbot.errors import UserError
from ragbot.sections.mcp import is_loopback
from ragbot.settings import Settings
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_runner import JobRunner
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.people import People
from ragbot.workspace.store import Workspace


class Site:
    """One for a process: Streamlit runs a page's script again and again, and all of them share this.

    Args:
        bots: the knowledge bases, opened by name.
        host: the address that is listened on: on any but the loopback, keys are always asked for.
    """

    def __init__(self, bots: Bots, host: str = "127.0.0.1") -> None:
        self.bots = bots
        self.workspace = Workspace(workspace_path(bots.settings))
        self.people = People(bots.settings, self.workspace)
        self.login = Login(self.workspace, always=not is_loopback(host))
        self.works = Works()
        self.slots = threading.Semaphore(bots.settings.server.slots)
        self.sessions = AgentSessions(bots.settings.server.slots)
        self.evaluations = Evaluations(bots.settings)
        self.jobs = Jobs(self.workspace)
        self.runner = JobRunner(self.jobs, bots.at)

    @property
    def settings(self) -> Settings:
        """Those of the process."""
        return self.bots.settings

    def close(self) -> None:
        """Stop what is at work, and let go of the files; the bots are the caller's."""
        self.runner.stop()
        self.sessions.close()
        self.works.close()
        self.evaluations.close()
        self.people.close()


_current: list[Site] = []


def offer(site: Site | None) -> None:
    """Make ``site`` the one that pages work with; None: there is none any more."""
    _current[:] = [site] if site else []


def current() -> Site:
    """What the pages of this process work with.

    Raises:
        UserError: the script was started by hand, without the guards that stand in front of it.
    """
    if not _current:
        raise UserError("this page is served by: ragbot ui --streamlit")
    return _current[0]
