"""Programs of a model: what they may, and that nothing which they try gets out of their process."""

from __future__ import annotations

import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool

from agents.tools import python_launcher, python_sandbox
from agents.tools.base import Effect, ToolInputError, traits_of
from agents.tools.python import python
from agents.tools.python_sandbox import NotIsolatedError, PythonLimits, isolation, run

pytestmark = pytest.mark.skipif(sys.platform != "linux" or bool(isolation()), reason=f"no isolation: {isolation()}")
#: Time enough for a machine that has much else to do; who runs out of it on purpose has two seconds.
LIMITS = PythonLimits(seconds=20, memory_mb=256, file_mb=4, output=2_000)


@pytest.fixture(scope="module")
def made() -> BaseTool:
    return python(limits=LIMITS)


@pytest.fixture
def hurried() -> BaseTool:
    return python(limits=replace(LIMITS, seconds=2))


def ask(made: BaseTool, code: str) -> str:
    return str(made.invoke({"code": code}))


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(6 * 7)", "42"),
        ("6 * 7", "42"),
        ("x = [1, 2]\nsum(x)  # of it", "3"),
        ("import math, statistics, json, datetime, decimal, fractions, re\nstatistics.mean([1, 2, 6])", "3"),
        ("print('你好，世界')", "你好，世界"),
        ("def f(n):\n    return n\nf(\n  5\n)", "5"),
        ("x = 1; x + 1", "2"),
        ("from __future__ import annotations\n1", "1"),
        ("open('a.txt', 'w').write('x')\nopen('a.txt').read()", "x"),
        ("import threading\nt = threading.Thread(target=print, args=('t',)); t.start(); t.join()", "t"),
        ("x = 1", "The program ran and printed nothing. Print what you want to see."),
        ("x = '中'", "程序已运行，没有输出。请用 print 输出要看的内容。"),
        ("None", "The program ran and printed nothing. Print what you want to see."),
    ],
)
def test_programs(made: BaseTool, code: str, printed: str) -> None:
    assert ask(made, code) == printed


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "There is no program"),
        ("#" * 20_001, "too long"),
        ("1 / 0", "line 1.*(?s:.)*ZeroDivisionError"),
        ("print('a')\nx = 1\nx.y", "line 3(?s:.)*AttributeError(?s:.)*Printed before: a"),
        ("def", "SyntaxError"),
        ("raise ValueError('中文')", "程序出错"),
        ("import numpy", "No module named 'numpy'"),
        ("import ragbot", "No module named 'ragbot'"),
        ("import sys\nsys.exit(3)", "status 3"),
        ("import sys\nsys.exit(97)", "status 97"),
    ],
)
def test_mistakes_come_back(made: BaseTool, code: str, message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        ask(made, code)


def test_every_program_begins_anew(made: BaseTool) -> None:
    ask(made, "open('left.txt', 'w').write('x')")
    assert ask(made, "import os\nos.listdir('.')") == "['program.py']"


def test_the_persons_files_do_not_exist(made: BaseTool, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", "utf-8")
    for path in (
        secret,
        Path(__file__),
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
        Path("/sys/kernel"),
        Path("/dev/kmsg"),
    ):
        assert path.exists()
        assert ask(made, f"import os\nos.path.exists({str(path)!r})") == "False"
    with pytest.raises(ToolInputError, match="FileNotFoundError"):
        ask(made, f"open({str(secret)!r}).read()")


def test_environment_holds_nothing_of_ours(made: BaseTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    printed = ask(made, "import os\nsorted(os.environ)")
    assert printed == "['HOME', 'LANG', 'PATH', 'PYTHONHASHSEED', 'TMPDIR']" or "LC_CTYPE" in printed
    assert "hunter2" not in ask(made, "import os\ndict(os.environ)")


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/dev", str(Path(sys.base_prefix) / "lib"), "/lib"])
def test_nothing_is_written_outside(made: BaseTool, folder: str) -> None:
    with pytest.raises(ToolInputError, match=r"Read-only file system|Permission denied|No such file|Not a directory"):
        ask(made, f"open({folder + '/ragbot-was-here'!r}, 'w')")
    assert not (Path(folder) / "ragbot-was-here").exists()


def test_no_network_not_even_to_this_machine(made: BaseTool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for code in (
            f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
            "import socket\nsocket.socket(socket.AF_UNIX)",
            "import socket\nsocket.socketpair()",
            "import urllib.request\nurllib.request.urlopen('http://example.org')",
            "import socket\nprint(socket.getaddrinfo('example.org', 80))",
        ):
            with pytest.raises(ToolInputError, match=r"Operation not permitted|Permission|gaierror|URLError"):
                ask(made, code)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nwhile True:\n    os.fork()",
        "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'id'])",
        "import os\nos.system('id') == 0 or 1 / 0",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        "import os\nos.kill(1, 9)",
        "import os\nos.kill(-1, 9)",
        "import os\nos.setuid(1000)",
        "import os\nos.chroot('.')",
        "import os\nos.mount",
        "import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'/scratch', b'tmpfs', 0, 0) == 0",
        "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
        "import ctypes\nassert ctypes.CDLL(None).syscall(435, 0, 0) == 0",
        "import ctypes\nctypes.string_at(0)",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))",
        "import os\nos.mkdir('/scratch/../old2')",
        "import os\nfor n in range(10**6):\n    open(f'{n}', 'w')",
        "open('big', 'wb').write(b'x' * 10**8)",
        "for n in range(100):\n    open(str(n), 'wb').write(b'x' * 10**6)",
        "x = 'a' * 10**10",
        "x = []\nwhile True:\n    x.append(bytes(10**6))",
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        "while True: pass",
        "import time\ntime.sleep(60)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
        "import signal, time\nsignal.alarm(0)\ntime.sleep(60)",
        "while True: print('x' * 1000)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "9 ** 9 ** 9",
        "import re\nre.match('(a*)*b', 'a' * 60)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        "import os\nos.close(1); os.close(2); 1 / 0",
        "(" * 5_000 + ")" * 5_000,
    ],
    ids=lambda code: code.replace("\n", ";")[-40:],
)
def test_hostile_programs_end_without_having_done_anything(hurried: BaseTool, code: str) -> None:
    threads, begun = threading.active_count(), time.monotonic()
    with pytest.raises(ToolInputError) as caught:
        ask(hurried, code)
    assert time.monotonic() - begun < 30
    assert len(str(caught.value)) < 4_000
    assert threading.active_count() <= threads


def test_limits_are_named(made: BaseTool, hurried: BaseTool) -> None:
    with pytest.raises(ToolInputError, match="stopped after 2 s"):
        ask(hurried, "while True: pass")
    with pytest.raises(ToolInputError, match="more than 256 MB"):
        ask(made, "x = 'a' * 10**10")
    with pytest.raises(ToolInputError, match="printed too much"):
        ask(made, "while True: print('x' * 1000)")


@pytest.mark.parametrize("step", ["_enter", "_give_up_privileges", "_limit", "_filter_calls"])
def test_a_step_that_fails_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str) -> None:
    source = Path(python_launcher.__file__).read_text("utf-8")
    assert f"def {step}(" in source
    broken = tmp_path / "python_launcher.py"
    broken.write_text(
        source.replace(
            'if __name__ == "__main__":', f"def {step}(*_):\n    raise OSError('no')\n\n\nif __name__ == '__main__':"
        ),
        "utf-8",
    )
    monkeypatch.setattr(python_sandbox, "_LAUNCHER", broken)
    with pytest.raises(NotIsolatedError, match="OSError: no"):
        run("print('it ran')", LIMITS)


def test_it_needs_consent(made: BaseTool) -> None:
    assert traits_of(made).effects == {Effect.EXECUTE}
    assert not traits_of(made).trusted
