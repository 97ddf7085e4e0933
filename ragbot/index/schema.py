"""The catalog's schema, as migrations: entry ``n`` takes a database of version ``n`` to ``n + 1``."""

APPLICATION_ID = 0x52414742  # "RAGB"

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        type TEXT NOT NULL,
        language TEXT NOT NULL,
        date TEXT,
        acl TEXT NOT NULL,              -- JSON list of principals; empty: everyone
        metadata TEXT NOT NULL,         -- JSON object
        content_hash TEXT NOT NULL,     -- of the file's bytes and of how it was cut
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        checksum INTEGER NOT NULL,      -- of the columns above
        text TEXT NOT NULL,
        pages TEXT NOT NULL,            -- JSON list: offset at which each page starts
        headings TEXT NOT NULL,         -- JSON list of [start, level, text]
        text_checksum INTEGER NOT NULL
    );
    CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: derived indexes rely on it
        document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        page INTEGER,
        headings TEXT NOT NULL,         -- JSON list: the heading path
        prefix TEXT NOT NULL,           -- embedded and indexed in front of the text, never shown
        text TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        embedded_hash BLOB NOT NULL,    -- of what was embedded: equal text is embedded once
        embedding BLOB NOT NULL,        -- float32
        embedding_checksum INTEGER NOT NULL,
        seq INTEGER NOT NULL            -- of the change that added it
    );
    CREATE INDEX chunks_document ON chunks (document_id, ordinal);
    CREATE INDEX chunks_seq ON chunks (seq);
    CREATE INDEX chunks_embedded ON chunks (embedded_hash);
    CREATE TABLE deletions (seq INTEGER NOT NULL, chunk_id INTEGER NOT NULL, PRIMARY KEY (seq, chunk_id)) WITHOUT ROWID;
    INSERT INTO meta VALUES ('seq', '0'), ('identity', lower(hex(randomblob(16))));
    """,
    """
    ALTER TABLE chunks ADD COLUMN parent_start INTEGER;     -- the larger span that a hit may be shown as
    ALTER TABLE chunks ADD COLUMN parent_end INTEGER;
    CREATE TABLE archives (                     -- archives whose members were all taken, to be skipped while unchanged
        source TEXT PRIMARY KEY,
        content_hash TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        checksum INTEGER NOT NULL               -- of the columns above
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)
