"""The folder of a knowledge base that holds files which a browser sent; no other file of anybody is ever touched."""

from __future__ import annotations

from pathlib import Path

from ragbot.errors import StorageError

FOLDER = "uploads"


def forget(kb_folder: Path, source: str) -> None:
    """Delete our copy of a document that was uploaded; a file from elsewhere is the person's own and stays.

    Ours is what lies directly in ``kb_folder/uploads``, if that is a folder and no link to another one.

    Raises:
        StorageError: the copy cannot be deleted.
    """
    path, ours = Path(source), kb_folder.resolve() / FOLDER
    try:
        if path.is_absolute() and path.name != ".." and path.parent.resolve() == ours and not ours.is_symlink():
            path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"the document was removed, but its uploaded file {source} stays: {error}; delete it yourself"
        ) from error
