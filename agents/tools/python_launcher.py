"""Runs a program where it can do no harm; started as a script of its own, with one JSON object on standard input.

It imports nothing but the standard library, and nothing of ragbot. In new namespaces (``unshare`` made them) it builds a
file system that holds the interpreter, read-only, and an empty working folder in memory; enters it; gives up every
capability; forbids, by a filter of system calls, new processes, sockets and what else a program has no use for; sets
limits; and becomes the interpreter that runs the program. A step that fails ends it before it has said that the
program begins: nothing is run with less than all of them. With ``isolated`` false, only the limits are set.

Sources: namespaces(7), user_namespaces(7), pivot_root(2), capabilities(7), seccomp(2).
"""

import ast
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from pathlib import Path

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_NOATIME, _MS_NODIRATIME, _MS_BIND, _MS_REC = 32, 1024, 2048, 4096, 16384
_MS_PRIVATE, _MS_RELATIME = 1 << 18, 1 << 21
_MNT_DETACH = 2
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS = 4, 22, 24, 28, 38
_NOROOT = 0b101111  # root is nobody special, and that is locked
_LAST_CAPABILITY = 63
_CLONE_THREAD = 0x00010000
#: By architecture: its number for seccomp, and those of the calls that are made or looked at here.
_CALLS = {
    "x86_64": {"audit": 0xC000003E, "pivot_root": 155, "clone": 56, "clone3": 435},
    "aarch64": {"audit": 0xC00000B7, "pivot_root": 41, "clone": 220, "clone3": 435},
}
#: The calls that are refused: socket socketpair fork vfork kill ptrace unshare setns mount umount2 pivot_root chroot bpf
#: perf_event_open userfaultfd io_uring_setup keyctl add_key request_key process_vm_readv process_vm_writev memfd_create
#: open_by_handle_at pidfd_send_signal. (ARM64 has neither fork nor vfork.)
_REFUSED = {
    "x86_64": "41 53 57 58 62 101 272 308 165 166 155 161 321 298 323 425 250 248 249 310 311 319 304 424",
    "aarch64": "198 199 129 117 97 268 40 39 41 51 280 241 282 425 219 217 218 270 271 279 265 424",
}
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do all of it; never returns."""
    request = json.load(sys.stdin)
    try:
        if request["isolated"]:
            _enter(Path(request["folder"]), request["shown"], request["file_mb"])
        else:
            os.chdir(request["folder"])
        Path("program.py").write_text(with_last_value(request["code"]), encoding="utf-8")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if request["isolated"]:
            _give_up_privileges()
        _limit(request)
        if request["isolated"]:
            _filter_calls()  # last: it forbids the steps before it
        os.write(request["ready"], b"1")
        os.close(request["ready"])
    except (OSError, ValueError, KeyError) as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    python = request["python"]
    environment = {
        "PATH": "/nonexistent",
        "HOME": "/scratch",
        "LANG": "C.UTF-8",
        "TMPDIR": "/scratch",
        "PYTHONHASHSEED": "0",
    }
    if not request["isolated"]:
        environment |= {"HOME": request["folder"], "TMPDIR": request["folder"]}
    os.execve(python, [python, "-I", "-S", "-B", "-X", "utf8", "program.py"], environment)


def with_last_value(code: str) -> str:
    """The program, which prints the value of its last line where that is an expression, as at a prompt."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code  # the interpreter will say what is wrong
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr) or last.end_lineno is None or last.end_col_offset is None:
        return code
    if isinstance(last.value, ast.Call) and isinstance(last.value.func, ast.Name) and last.value.func.id == "print":
        return code
    lines = code.encode().splitlines(keepends=True)
    head = b"".join(lines[: last.lineno - 1]) + lines[last.lineno - 1][: last.col_offset]
    source = ast.get_source_segment(code, last) or ""
    return f"{head.decode()}__last = ({source}\n)\nif __last is not None:\n    print(__last)\n"


def _enter(root: Path, shown: list[str], file_mb: int) -> None:
    """A root of our own, with ``shown`` read-only and an empty working folder."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)
    _mount("tmpfs", str(root), "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for path in shown:
        target = root / path.lstrip("/")
        if Path(path).is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(path).readlink())
            continue
        if Path(path).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        _mount(path, str(target), None, _MS_BIND, None)
        # The flags that the mount has may not be taken from it in a user namespace.
        _mount(None, str(target), None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _kept(path), None)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / "null").touch()
    _mount("/dev/null", str(root / "dev" / "null"), None, _MS_BIND, None)
    (root / "scratch").mkdir()
    _mount("tmpfs", str(root / "scratch"), "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={file_mb}m,nr_inodes=1000,mode=700")
    (root / "old").mkdir()
    if _libc.syscall(_calls()["pivot_root"], str(root).encode(), str(root / "old").encode()):
        raise OSError(ctypes.get_errno(), "pivot_root")
    os.chdir("/")
    if _libc.umount2(b"/old", _MNT_DETACH):
        raise OSError(ctypes.get_errno(), "umount2")
    Path("/old").rmdir()
    _mount(None, "/", None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV, None)
    os.chdir("/scratch")


def _kept(path: str) -> int:
    flags = os.statvfs(path).f_flag
    known = ((os.ST_NODEV, _MS_NODEV), (os.ST_NOEXEC, _MS_NOEXEC), (os.ST_NOATIME, _MS_NOATIME))
    more = ((os.ST_NODIRATIME, _MS_NODIRATIME), (os.ST_RELATIME, _MS_RELATIME))
    return sum(mount for flag, mount in (*known, *more) if flags & flag)


def _mount(source: "str | None", target: str, kind: "str | None", flags: int, options: "str | None") -> None:
    encoded = [part.encode() if part is not None else None for part in (source, target, kind, options)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _give_up_privileges() -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) and capability < 32:
            raise OSError(ctypes.get_errno(), "capabilities")
    _prctl(_PR_SET_SECUREBITS, _NOROOT)  # after the next execve, root of this namespace has no capability at all
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _limit(request: "dict[str, int]") -> None:
    memory, files = request["memory_mb"] << 20, request["file_mb"] << 20
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: request["seconds"] + 1,
        resource.RLIMIT_FSIZE: files,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    if not request["isolated"]:
        limits[resource.RLIMIT_NPROC] = (
            16  # of all that the person runs: no new ones, therefore; inside, the filter says so
        )
    for which, limit in limits.items():
        hard = resource.getrlimit(which)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (bound, bound))
    # Should nobody be left to end it.
    signal.alarm(request["seconds"] + 10)


def _calls() -> "dict[str, int]":
    calls = _CALLS.get(platform.machine())
    if calls is None:
        raise OSError(f"no filter of system calls for {platform.machine()}")
    return calls


def _filter_calls() -> None:
    """A BPF program: kill what is of another architecture, refuse the calls of the table, allow threads alone to clone."""
    calls = _calls()
    allow, refuse, missing, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM 1, ENOSYS 38
    load, equal, above, bits, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, calls["audit"]),
        (answer, 0, 0, kill),
        (load, 0, 0, 0),  # the number of the call
        (above, 0, 1, 0x40000000),  # x32
        (answer, 0, 0, kill),
        (equal, 0, 1, calls["clone3"]),
        (answer, 0, 0, missing),  # the C library falls back to clone
        (equal, 0, 4, calls["clone"]),
        (load, 0, 0, 16),  # its flags
        (bits, 0, 1, _CLONE_THREAD),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),
    ]
    for number in map(int, _REFUSED[platform.machine()].split()):
        program += [(equal, 0, 1, number), (answer, 0, 0, refuse)]
    program.append((answer, 0, 0, allow))
    packed = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    pointer = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if _libc.prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(pointer), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    main()
