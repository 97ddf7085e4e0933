"""The errors that ragbot raises on purpose; each message names the value, what is allowed, and the next step.

::

    RagbotError                      base of all; the command line turns it into a message and an exit code
    ├── UserError                    what the caller got wrong (exit code 2)
    │   ├── SettingsError            an unknown key, or a value outside its range
    │   ├── SourceError              a path that is missing, unreadable or of no known format
    │   ├── ModelNotFoundError       a model that is not installed and cannot be fetched
    │   ├── MissingExtraError        an optional dependency that is not installed
    │   ├── EmbedderMismatchError    another embedding model than the one that built the knowledge base
    │   └── EvaluationError          a run, a baseline or a comparison that cannot be had
    ├── LoaderError                  one file that cannot be read (a line in the ingest report)
    ├── KnowledgeBaseError           the knowledge base cannot be used (exit code 1)
    │   ├── LockedError              another process is writing
    │   ├── NewerVersionError        it was made by a newer ragbot
    │   ├── CorruptError             a checksum does not match
    │   ├── VectorStoreError         an outside vector store is away, or refuses
    │   └── StorageError             the disk is full or refuses to write
    ├── GenerationError              a chat model failed or cannot be reached (exit code 1)
    └── SystemFailedError            an evaluation stopped, because the system failed at question after question
"""

from __future__ import annotations


class RagbotError(Exception):
    """Base of every error that ragbot raises on purpose."""

    exit_code = 1


class UserError(RagbotError):
    """Something that the caller got wrong and can put right."""

    exit_code = 2


class SettingsError(UserError):
    """A setting that does not exist, or a value that it does not take."""


class SourceError(UserError):
    """A path that does not exist, cannot be read, or holds nothing that can be ingested."""


class ModelNotFoundError(UserError):
    """A model that is neither bundled, nor installed, nor in the folder named."""


class MissingExtraError(UserError):
    """An optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs the optional packages of "{extra}": pip install "ragbot[{extra}]"')
        self.extra = extra


class EmbedderMismatchError(UserError):
    """The knowledge base was built with another embedding model."""


class EvaluationError(UserError):
    """A run, a baseline or a comparison that does not exist or cannot be used."""


class LoaderError(RagbotError):
    """One file that cannot be turned into text; the message is its line in the ingest report."""


class KnowledgeBaseError(RagbotError):
    """The knowledge base cannot be used as it is."""


class LockedError(KnowledgeBaseError):
    """Another process holds the writer's lock."""


class NewerVersionError(KnowledgeBaseError):
    """The knowledge base was written by a newer version of ragbot."""


class CorruptError(KnowledgeBaseError):
    """Stored data does not match its checksum."""


class VectorStoreError(KnowledgeBaseError):
    """A vector store outside of ragbot cannot be reached, or does not do what was asked."""


class StorageError(KnowledgeBaseError):
    """The disk is full, or refuses to be written to."""


class GenerationError(RagbotError):
    """A chat model failed, or its server cannot be reached."""


class SystemFailedError(RagbotError):
    """An evaluation was stopped, because the system failed at one question after another."""
