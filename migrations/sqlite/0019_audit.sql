-- What people and programs did. Rows are only ever added, each chained to the one before it by a hash over both: docs/security.md.
-- What is sorted out of a row for look-ups (`who_key`, `kind`, `object_key`) is not hashed; it is made of what is.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    means TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    object_id BIGINT,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    words TEXT,
    changes TEXT NOT NULL,
    hash TEXT NOT NULL,
    who_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    object_key TEXT NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_who ON audit_log (who_key, id);
CREATE INDEX audit_log_kind ON audit_log (kind, id);
CREATE INDEX audit_log_action ON audit_log (action, id);
CREATE INDEX audit_log_object ON audit_log (object_key, id);
CREATE INDEX audit_log_refused ON audit_log (id) WHERE outcome = 'refused';

-- The end of the chain, one row, signed with a key that the database does not hold: who adds to it holds this row until the
-- commit. Rows up to `pruned` were given up; `signed` is the row of the newest checkpoint, 0: there is none.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL,
    hash TEXT NOT NULL,
    pruned BIGINT NOT NULL,
    signed BIGINT NOT NULL,
    signature TEXT NOT NULL
);

-- Hashes of single rows, signed with a key that the database does not hold.
CREATE TABLE audit_checkpoint (
    through INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    signature TEXT NOT NULL
);

CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_log_keeps BEFORE DELETE ON audit_log
WHEN OLD.id > (SELECT COALESCE(MAX(pruned), 0) FROM audit_head)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
