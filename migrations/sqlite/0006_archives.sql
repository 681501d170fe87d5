-- Archives that are sealed, checked again and again, and tried out.

-- Passphrases of archives, all that were ever used: an archive of last year needs the one of last year. `name` is the
-- backup config that it was made for.
CREATE TABLE archive_passphrase (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

-- How archives are sealed: none, passphrase or age. `recipients` is a JSON list.
ALTER TABLE backup_config ADD COLUMN encryption TEXT NOT NULL DEFAULT 'none';
ALTER TABLE backup_config ADD COLUMN passphrase_id BIGINT;
ALTER TABLE backup_config ADD COLUMN recipients TEXT NOT NULL DEFAULT '[]';
ALTER TABLE backup_run ADD COLUMN encryption TEXT NOT NULL DEFAULT 'none';
ALTER TABLE backup_run ADD COLUMN passphrase_id BIGINT;

-- What is wrong with a damaged archive, and when an archive was last looked at, whatever was found.
ALTER TABLE backup_run ADD COLUMN damage TEXT;
ALTER TABLE backup_run ADD COLUMN checked_at BIGINT;

-- What happened to a run's archive after the run: removed and why, found damaged, protected.
CREATE TABLE run_note (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id BIGINT NOT NULL REFERENCES backup_run (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX run_note_run ON run_note (run_id, id);

-- Restore drills: an archive restored into a database that is thrown away. `problem` NULL: it restored.
CREATE TABLE restore_drill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id BIGINT NOT NULL REFERENCES backup_run (id) ON DELETE CASCADE,
    finished_at BIGINT NOT NULL,
    rows_restored BIGINT NOT NULL,
    files_restored BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    problem TEXT
);
CREATE INDEX restore_drill_run ON restore_drill (run_id, id);

-- Since when a file is known not to be here: it was not in the archive that the instance was restored from, or somebody
-- took it away.
ALTER TABLE backup_run ADD COLUMN missing_at BIGINT;
ALTER TABLE artifact_blob ADD COLUMN missing_at BIGINT;
CREATE INDEX backup_run_missing ON backup_run (id) WHERE missing_at IS NOT NULL AND removed_at IS NULL;
