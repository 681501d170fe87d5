-- What the REST API answered to requests with an Idempotency-Key, for a day: sent once more, they get the same answer and are
-- done once. `owner` tells whose key it is and `request` what was asked, both signed: of a plain hash a short secret could be
-- guessed. `sealed` is the answer, which may hold a new token's secret; none: the request is being worked on, or the program
-- was ended in the middle of it.
CREATE TABLE api_answer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request TEXT NOT NULL,
    sealed BLOB,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, idempotency_key)
);
CREATE INDEX api_answer_created ON api_answer (created_at);

-- Archives that are kept, newest first, among all runs that ever were. The status is in front although there is only one:
-- without it SQLite goes through all that completed instead.
CREATE INDEX backup_run_kept ON backup_run (status, id)
    WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL AND missing_at IS NULL;
