"""Pages of the web as documents: fetched with care, or not at all."""
