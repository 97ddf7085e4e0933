"""What the model is told where a service fails: what happened, and what else can be done."""

from __future__ import annotations

from agents.tools.base import ToolOutageError
from agents.tools.net.client import ServiceError
from agents.tools.wording import Texts

_FAILURES = Texts(
    en={
        "offline": "{service} cannot be reached: there is no network, or it is down.",
        "away": "The connection to {service} broke.",
        "timeout": "{service} did not answer within {detail} seconds.",
        "limit": "{service} refuses for now: too many requests.",
        "limit_wait": "{service} refuses for now: too many requests. It asks to wait {detail} seconds.",
        "denied": "{service} does not accept the key (status {detail}). A person must check it.",
        "key": "{service} is not set up: it needs a key. A person can set {detail}.",
        "setup": "{service} is not set up. A person can do this: {detail}.",
        "server": "{service} failed (status {detail}).",
        "status": "{service} did not take the request (status {detail}).",
        "garbled": "{service} sent something that cannot be read.",
        "large": "{service} sent more than {detail} MiB, which is not read.",
    },
    zh={
        "offline": "无法连接{service}：没有网络，或对方已停机。",
        "away": "与{service}的连接中断了。",
        "timeout": "{service}在 {detail} 秒内没有回应。",
        "limit": "{service}暂时拒绝服务：请求过多。",
        "limit_wait": "{service}暂时拒绝服务：请求过多，要求等待 {detail} 秒。",
        "denied": "{service}不接受当前密钥（状态码 {detail}），需要由人检查。",
        "key": "{service}尚未配置：需要密钥。可由人设置 {detail}。",
        "setup": "{service}尚未配置。可由人这样做：{detail}。",
        "server": "{service}出错了（状态码 {detail}）。",
        "status": "{service}没有接受请求（状态码 {detail}）。",
        "garbled": "{service}返回的内容无法读取。",
        "large": "{service}返回的内容超过 {detail} MiB，未读取。",
    },
)


def outage(language: str, service: str, error: ServiceError, instead: str) -> ToolOutageError:
    """The error that tells the model that ``service`` failed, and what to do ``instead``."""
    key = "limit_wait" if error.problem == "limit" and error.detail else error.problem
    said = _FAILURES(language, key, service=service, detail=error.detail)
    return ToolOutageError(f"{said}{'' if language == 'zh' else ' '}{instead}")
