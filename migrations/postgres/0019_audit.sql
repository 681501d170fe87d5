-- What people and programs did. Rows are only ever added, each chained to the one before it by a hash over both: docs/security.md.
-- What is sorted out of a row for look-ups (`who_key`, `kind`, `object_key`) is not hashed; it is made of what is.
CREATE TABLE audit_log (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    means TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C",
    action TEXT COLLATE "C" NOT NULL,
    object_id BIGINT,
    object TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    words TEXT COLLATE "C",
    changes TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    who_key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL
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
    id BIGINT PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    pruned BIGINT NOT NULL,
    signed BIGINT NOT NULL,
    signature TEXT COLLATE "C" NOT NULL
);

-- Hashes of single rows, signed with a key that the database does not hold.
CREATE TABLE audit_checkpoint (
    through BIGINT PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    signature TEXT COLLATE "C" NOT NULL
);

-- Replaced where a database was emptied and is filled anew: functions stay when tables go.
CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.id <= (SELECT COALESCE(MAX(pruned), 0) FROM audit_head) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to';
END;
$$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_log_refuse();
CREATE TRIGGER audit_log_keeps BEFORE TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();
