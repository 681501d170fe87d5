-- Processes that work on this database, each under the name under which it holds leases, as long as it is alive and for
-- some days after.
CREATE TABLE machine (
    owner TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    role TEXT NOT NULL,
    site TEXT,
    data_dir TEXT NOT NULL,
    version TEXT NOT NULL,
    sessions BIGINT NOT NULL DEFAULT 0,
    max_sessions BIGINT NOT NULL DEFAULT 0,
    clock_ahead_ms BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    stopped_at BIGINT
);
-- Which of them leads in what: one scheduler acts at a time.
CREATE TABLE lead (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
