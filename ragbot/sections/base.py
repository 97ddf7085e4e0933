"""What a section of the settings is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """Base of the sections: a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)
