"""What a section of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of the sections: a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)
