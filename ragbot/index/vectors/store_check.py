"""Whether an outside store holds what the catalog holds; nothing is changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ragbot.errors import CorruptError, RagbotError, SettingsError
from ragbot.index.catalog import Catalog
from ragbot.index.container import read_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.external import KIND, ExternalIndex
from ragbot.index.vectors.store import members_file
from ragbot.index.vectors.stores import StoreOptions, checked, open_store


def store_faults(
    name: str, folder: Path, catalog: Catalog, dimension: int, newest: int, ids: Ints, options: StoreOptions
) -> list[str]:
    """What is wrong with our members of the store, and with the store.

    Args:
        newest, ids: the catalog's newest change, and the chunks it holds then, ascending.
    """
    try:
        checked(name)
    except SettingsError as error:  # maybe no name of a file, either
        return [f"{error} ragbot kb migrate --store faiss moves them"]
    faults = []
    try:
        metadata, arrays = read_container(folder / members_file(name), KIND)
        if metadata["catalog"] != catalog.identity or metadata["seq"] != newest:
            faults.append(f"{members_file(name)} is of another state of the catalog")
        elif not np.array_equal(arrays["ids"], ids):
            faults.append(
                f"{members_file(name)} names {len(arrays['ids'])} chunks that are not the {len(ids)} of the catalog"
            )
    except FileNotFoundError:
        faults.append(f"the file {members_file(name)} is missing")
    except CorruptError as error:
        faults.append(str(error))
    try:
        fault = _store_fault(name, folder, catalog, dimension, ids, options)
    except RagbotError as error:
        fault = str(error)
    return [*faults, *([fault] if fault else [])]


def _store_fault(
    name: str, folder: Path, catalog: Catalog, dimension: int, ids: Ints, options: StoreOptions
) -> str | None:
    if name == "chroma":
        from ragbot.index.vectors import chroma, sealed

        if chroma.owned_elsewhere(folder):
            return None  # who has it open keeps it
        fault = chroma.fault_of(folder / chroma.FOLDER, sealed.read_note(folder / chroma.NOTE))
        if fault:
            return f"{folder / chroma.FOLDER} {fault}"
    index = ExternalIndex.load(
        open_store(name, folder, catalog.identity, dimension, options), folder, catalog, dimension
    )
    try:
        if index.behind_of(catalog.seq):
            return f"the store {name} does not hold this state of the catalog"
        held = index.store.ids(catalog.all_chunk_ids())
    finally:
        index.close()
    if np.array_equal(held, ids):
        return None
    missing, foreign = len(np.setdiff1d(ids, held)), len(np.setdiff1d(held, ids))
    return f"the store {name} lacks {missing} vectors of the catalog, and holds {foreign} that are not in it"
