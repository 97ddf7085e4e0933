"""The catalog (SQLite, the truth) and the indexes derived from it (lexical and vectors)."""
