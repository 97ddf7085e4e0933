"""What pyproject.toml cannot say: the adapters of data/adapters go into the wheel, where an installed ragbot finds them."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ADAPTERS = Path("data", "adapters")


class BuildWithAdapters(build_py):
    """Modules, and beside them the adapters; an editable install finds those in the clone."""

    def run(self) -> None:
        """As always, and the adapters."""
        super().run()
        if not self.editable_mode:
            shutil.copytree(ADAPTERS, self._target, dirs_exist_ok=True)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Every file that is written."""
        files = (path.relative_to(ADAPTERS) for path in ADAPTERS.rglob("*") if path.is_file())
        return [*super().get_outputs(include_bytecode), *(str(self._target / file) for file in files)]

    @property
    def _target(self) -> Path:
        return Path(self.build_lib, "ragbot", "adapters")


setup(cmdclass={"build_py": BuildWithAdapters})
