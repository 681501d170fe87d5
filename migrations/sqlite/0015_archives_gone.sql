-- Archives that are gone, by when they went: how much was kept on a day is told without a walk through all runs.
CREATE INDEX backup_run_removed ON backup_run (removed_at) WHERE removed_at IS NOT NULL;
