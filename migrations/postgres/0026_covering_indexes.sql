-- Runs that went without some devices are counted by the condition that chooses them: with what it is made of, the index
-- answers alone.
DROP INDEX backup_run_partial;
CREATE INDEX backup_run_partial ON backup_run (status, id, backup_config_id, devices_failed, artifacts_failed)
    WHERE status = 'completed' AND devices_failed + artifacts_failed > 0;

-- What was in force at a time is looked for among what ever was: with that as the index's condition no row is read.
DROP INDEX config_version_as_of;
CREATE INDEX config_version_as_of ON config_version (device_id, part, collected_at)
    WHERE state IN ('active', 'inactive');
