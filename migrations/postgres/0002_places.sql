-- Where things on a disk belong, and indexes for what would else be looked for through all of history.

-- `leftover_file` is a file in the folder of backups that is to go unless the run completes: the name that a run is
-- about to give its archive, or the archive that retention has removed. `leftover_dir` is the data directory it is in;
-- NULL: of before this was noted.
ALTER TABLE backup_run ADD COLUMN leftover_file TEXT COLLATE "C";
ALTER TABLE backup_run ADD COLUMN leftover_dir TEXT COLLATE "C";
UPDATE backup_run SET leftover_file = file WHERE removed_at IS NOT NULL AND file IS NOT NULL;

-- The data directory whose folder a driver was read from; NULL: of before this was noted.
ALTER TABLE driver ADD COLUMN data_dir TEXT COLLATE "C";

-- Archives that are kept, among all runs that ever were.
CREATE INDEX backup_run_archived ON backup_run (status, backup_config_id, id, size_bytes)
    WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL;
CREATE INDEX backup_run_file ON backup_run (file) WHERE file IS NOT NULL;
CREATE INDEX backup_run_leftover ON backup_run (id) WHERE leftover_file IS NOT NULL;

-- Versions that wait or were refused, among all of a part; versions that changed something, among all.
CREATE INDEX config_version_set_aside ON config_version (device_id, part, compare_sha256)
    WHERE state IN ('suspect', 'rejected');
CREATE INDEX config_version_changes ON config_version (collected_at, id) WHERE version > 1 AND state <> 'rejected';
