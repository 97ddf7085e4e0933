"""The workspace's schema, as migrations: entry ``n`` takes a database of version ``n`` to ``n + 1``."""

APPLICATION_ID = 0x52414757  # "RAGW"

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        kb TEXT NOT NULL,               -- folder of the knowledge base that was asked
        created TEXT NOT NULL,          -- ISO 8601, UTC
        updated TEXT NOT NULL,
        head INTEGER,                   -- the last turn of the branch in use
        checksum INTEGER NOT NULL       -- of the columns above
    );
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        parent INTEGER,                 -- the turn before; no key of its own: cascades nest only a thousand deep
        asked TEXT NOT NULL,            -- ISO 8601, UTC
        question TEXT NOT NULL,
        text TEXT NOT NULL,
        state TEXT NOT NULL,            -- complete, interrupted, failed
        details TEXT NOT NULL,          -- JSON object: citations, confidence, timings and so on
        checksum INTEGER NOT NULL,      -- of the columns above
        searched TEXT NOT NULL          -- question and text folded, for the search
    );
    CREATE INDEX turns_conversation ON turns (conversation, parent);
    CREATE TABLE summaries (
        turn INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,   -- the last turn that it covers
        text TEXT NOT NULL,
        method TEXT NOT NULL,
        checksum INTEGER NOT NULL
    );
    CREATE TABLE feedback (
        turn INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
        rating INTEGER NOT NULL,        -- 1 good, -1 bad
        comment TEXT NOT NULL,
        expected TEXT NOT NULL,         -- what would have been right
        given TEXT NOT NULL,            -- ISO 8601, UTC
        checksum INTEGER NOT NULL
    );
    """,
    """
    CREATE TABLE agent_runs (
        id TEXT PRIMARY KEY,
        question TEXT NOT NULL,
        created TEXT NOT NULL,          -- ISO 8601, UTC
        updated TEXT NOT NULL,
        state TEXT NOT NULL,            -- running, done, interrupted, failed
        error TEXT NOT NULL,
        details TEXT NOT NULL,          -- JSON object: language, history, tools, model
        checksum INTEGER NOT NULL       -- of the columns above
    );
    CREATE INDEX agent_runs_updated ON agent_runs (updated);
    CREATE TABLE agent_steps (
        run TEXT NOT NULL REFERENCES agent_runs (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,        -- from 0
        step TEXT NOT NULL,             -- JSON object
        checksum INTEGER NOT NULL,      -- of the columns above
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL,             -- of id and secret; the secret itself is stored nowhere
        created TEXT NOT NULL,          -- ISO 8601, UTC
        expires TEXT,
        revoked TEXT,
        details TEXT NOT NULL,          -- JSON object: scope, knowledge bases, groups, limits
        checksum INTEGER NOT NULL,      -- of the columns above
        used TEXT NOT NULL DEFAULT ''   -- the hour of its last use
    ) WITHOUT ROWID;
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        kb TEXT NOT NULL,               -- folder of the knowledge base
        owner TEXT NOT NULL,            -- id of the key that asked for it; empty: the owner of the machine
        token TEXT,                     -- the caller's own name for the request, so that it is not done twice
        created TEXT NOT NULL,          -- ISO 8601, UTC
        updated TEXT NOT NULL,
        state TEXT NOT NULL,            -- queued, running, done, failed, cancelled
        cancel INTEGER NOT NULL,        -- 1: somebody asked to stop it
        attempts INTEGER NOT NULL,      -- how often it was begun
        error TEXT NOT NULL,
        request TEXT NOT NULL,          -- JSON object: what is brought in, and how
        report TEXT NOT NULL,           -- JSON object: sums of the report; empty until the end
        checksum INTEGER NOT NULL       -- of the columns above
    );
    CREATE UNIQUE INDEX jobs_token ON jobs (kb, owner, token) WHERE token IS NOT NULL;
    CREATE INDEX jobs_kb ON jobs (kb, created);
    CREATE TABLE job_files (
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        source TEXT NOT NULL,
        outcome TEXT NOT NULL,          -- added, updated, skipped, failed, ignored, removed
        reason TEXT NOT NULL,
        checksum INTEGER NOT NULL,      -- of the columns above
        PRIMARY KEY (job, source)
    ) WITHOUT ROWID;
    CREATE TABLE job_progress (
        job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        progress TEXT NOT NULL          -- JSON object: a moment of a run, worth no checksum
    );
    """,
)
VERSION = len(MIGRATIONS)
