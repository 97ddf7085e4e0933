"""``[server]``: what ``ragbot serve`` listens to, how much it takes on at once, and what it tells about itself."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ragbot.sections.base import Section

LogName = Literal["json", "text", "none"]
#: A host without its port: a name, an address, or an IPv6 address in brackets; ``*.example.org`` for all below a name.
_HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")


class ServerSettings(Section):
    """The OpenAI-compatible server."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; others than this machine need keys")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: Annotated[int, Field(gt=0, le=64)] = Field(
        1, description="processes that answer, each with its own models"
    )
    slots: Annotated[int, Field(gt=0, le=256)] = Field(4, description="requests that a process works on at once")
    queue: Annotated[int, Field(ge=0, le=10_000)] = Field(
        64, description="requests that wait for a slot; those beyond are refused (429)"
    )
    queue_seconds: float = Field(30.0, gt=0, le=3600, description="seconds that a request waits for a slot (then 429)")
    requests_per_minute: Annotated[int, Field(ge=0)] = Field(
        0, description="of a key that has no limit of its own; 0: any number"
    )
    tokens_per_minute: Annotated[int, Field(ge=0)] = Field(
        0, description="likewise, tokens of questions and answers together; 0: any number"
    )
    max_body_mb: Annotated[int, Field(gt=0, le=1024)] = Field(
        4, description="largest request that is no upload, in MiB"
    )
    max_upload_mb: Annotated[int, Field(gt=0)] = Field(256, description="largest upload, in MiB")
    allowed_hosts: list[str] = Field(
        [], description='names under which others reach the server: ["rag.example.org", "*.intranet"]'
    )
    cors_origins: list[str] = Field(
        [], description='pages elsewhere whose scripts may use the server: ["https://app.example.org"]'
    )
    stop_seconds: float = Field(
        30.0, ge=0, le=3600, description="seconds that answers under way may take when the server is stopped"
    )
    drop_params: bool = Field(
        False, description="leave out parameters that cannot be obeyed, instead of refusing the request (400)"
    )
    store: bool = Field(False, description="keep each answer as a conversation, unless the request says otherwise")
    log: LogName = Field("json", description="one line a request on standard error: json, text, none")
    log_text: bool = Field(False, description="whether questions stand in the log")
    traces: str = Field("", description="OpenTelemetry traces: address of an OTLP/HTTP collector, console, or empty")

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: list[str]) -> list[str]:
        lowered = [host.lower() for host in hosts]
        for host in lowered:
            if not _HOST.fullmatch(host):
                raise ValueError(
                    f"{host!r} is no host: write a name or an address without port, such as rag.example.org"
                )
        return lowered

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: list[str]) -> list[str]:
        lowered = [origin.lower().rstrip("/") for origin in origins]
        for origin in lowered:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.hostname
                or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                raise ValueError(
                    f"{origin!r} is no origin: write https://HOST or http://HOST:PORT, and nothing behind it"
                )
        return lowered

    @field_validator("traces")
    @classmethod
    def _check_traces(cls, address: str) -> str:
        parts = urlsplit(address)
        if address not in {"", "console"} and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("it is neither console nor an address: write http://127.0.0.1:4318/v1/traces")
        return address
