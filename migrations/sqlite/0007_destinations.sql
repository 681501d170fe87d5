-- Where archives are sent besides the local folder.

-- `kind` and `settings` (JSON) say where it is; `sealed` holds all its secrets as JSON, sealed for this row. `keep` is
-- retention or forever: what becomes of copies whose archive is removed here. The host key (SFTP) is remembered when it
-- is first seen; a changed one waits for a person. After `failures` in a row nothing is tried before `paused_until`.
CREATE TABLE destination (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed BLOB,
    keep TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    facts TEXT NOT NULL DEFAULT '{}',
    openssh TEXT,
    fingerprint TEXT,
    offered_openssh TEXT,
    offered_fingerprint TEXT,
    last_ok_at BIGINT,
    problem TEXT,
    failures BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Which backups send to which destinations.
CREATE TABLE backup_config_destination (
    backup_config_id BIGINT NOT NULL REFERENCES backup_config (id) ON DELETE CASCADE,
    destination_id BIGINT NOT NULL REFERENCES destination (id) ON DELETE CASCADE,
    PRIMARY KEY (backup_config_id, destination_id)
);
CREATE INDEX backup_config_destination_of ON backup_config_destination (destination_id);

-- What a destination has, or is to have, of an archive: waiting, sent, leaving (to be deleted there) or gone. The first
-- upload begins `attempts`; from then on something of it may be there, whatever the state says. `remote_name` is its
-- name there, for a Git mirror the commit.
CREATE TABLE archive_copy (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id BIGINT NOT NULL REFERENCES backup_run (id) ON DELETE CASCADE,
    destination_id BIGINT NOT NULL REFERENCES destination (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    problem TEXT,
    sent_at BIGINT,
    remote_name TEXT,
    UNIQUE (run_id, destination_id)
);
CREATE INDEX archive_copy_open ON archive_copy (destination_id, due_at) WHERE state IN ('waiting', 'leaving');
CREATE INDEX archive_copy_state ON archive_copy (destination_id, state);

-- A job that only a machine with this data directory can do; none: any.
ALTER TABLE job ADD COLUMN data_dir TEXT;
