"""OpenTelemetry traces: a request, the search in it, its reranking, the answer, each tool. No text stands in them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ragbot.documents import ScoredChunk
from ragbot.errors import MissingExtraError
from ragbot.index.filters import Filter
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.retrieval.queries import Query
from ragbot.retrieval.retriever import HybridRetriever

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

#: What an attribute may be.
Value = str | int | float | bool
#: The tracing of the request that is being worked on; threads that work on it have a copy of its context.
_active: ContextVar[Tracing | None] = ContextVar("ragbot_tracing", default=None)


class Tracing:
    """Sends spans to ``target``: the address of an OTLP/HTTP collector, or ``console`` for standard output.

    Args:
        target: where to.
        exporter: instead of what ``target`` names.

    Raises:
        MissingExtraError: the packages of OpenTelemetry are not installed.
    """

    def __init__(self, target: str, exporter: SpanExporter | None = None) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            raise MissingExtraError("tracing (server.traces)", "otel") from error
        self._provider = TracerProvider(resource=Resource.create({"service.name": "ragbot"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(target)))
        self._tracer = self._provider.get_tracer("ragbot")

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str], attributes: Mapping[str, Value]) -> Iterator[Span]:
        """A span for a whole request; it goes on with the trace that its ``traceparent`` names (W3C Trace Context)."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(dict(headers))
        token = _active.set(self)
        try:
            with self._tracer.start_as_current_span(
                name, context=parent, kind=SpanKind.SERVER, attributes=dict(attributes), record_exception=False
            ) as span:
                yield span
        finally:
            _active.reset(token)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
        """A span inside of the present one. The text of an exception may quote a document: only its type is kept."""
        with self._tracer.start_as_current_span(name, attributes=dict(attributes), record_exception=False) as span:
            yield span

    def past(self, name: str, seconds: float, attributes: Mapping[str, Value]) -> None:
        """A span that ends now and began ``seconds`` ago."""
        end = time.time_ns()
        self._tracer.start_span(name, attributes=dict(attributes), start_time=end - int(seconds * 1e9)).end(end)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


@contextmanager
def span(name: str, **attributes: Value) -> Iterator[None]:
    """A span of the request that is being worked on; nothing where there is no tracing."""
    tracing = _active.get()
    if tracing is None:
        yield
        return
    with tracing.span(name, attributes):
        yield


def past(name: str, seconds: float, **attributes: Value) -> None:
    """As :func:`span`, for what took ``seconds`` and has just ended."""
    if tracing := _active.get():
        tracing.past(name, seconds, attributes)


class TracedRetriever(HybridRetriever):
    """Each of its searches is a span."""

    def search_many(self, queries: Sequence[Query], top_k: int = 10, where: Filter | None = None) -> list[ScoredChunk]:
        """See :meth:`HybridRetriever.search_many`."""
        with span("retrieval", queries=len(queries), top_k=top_k):
            return super().search_many(queries, top_k, where)


class TracedReranker(Reranker):
    """A reranker whose readings are spans."""

    def __init__(self, inner: Reranker) -> None:
        self._inner = inner
        self.name = inner.name
        self.search_weight = inner.search_weight

    @classmethod
    def of(cls, inner: Reranker | None) -> TracedReranker | None:
        """The same, traced; None for none."""
        return cls(inner) if inner else None

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """See :class:`Reranker`."""
        with span("rerank", reranker=self.name, passages=len(passages)):
            return self._inner.score(question, passages)

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """See :class:`Reranker`."""
        return self._inner.count_tokens(question, passages)


def _exporter(target: str) -> Any:
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    if target == "console":
        return ConsoleSpanExporter()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise MissingExtraError("sending traces (server.traces)", "otel") from error
    return OTLPSpanExporter(endpoint=target)
