-- What lists are ordered and narrowed by: a page of a list reads an index, and of the table no more than it shows.

-- Devices by each heading of their list. In the order of `last_class` those that failed are not together; but it holds all
-- that is needed to put them there.
CREATE INDEX device_site ON device (site, hostname, id);
CREATE INDEX device_status ON device (status, hostname, id);
CREATE INDEX device_class ON device (last_class, hostname, id);
CREATE INDEX device_good ON device (last_good_at NULLS FIRST, hostname, id);
-- Devices by how they stand, and by platform, to be counted.
CREATE INDEX device_standing ON device (device_type, status, enabled, last_class, last_good_at, site, id);
CREATE INDEX device_platform ON device (platform, device_type, id);
CREATE INDEX device_jump_host ON device (jump_host_id);
-- Devices by their name in any case.
CREATE INDEX device_name ON device (lower(hostname));

-- Active versions of each device: all that their list is ordered and narrowed by.
CREATE INDEX config_version_active_of ON config_version (device_id, part, state) WHERE state = 'active';

-- Damaged archives, and what the runs of a day came to.
CREATE INDEX backup_run_damaged ON backup_run (status, damaged, id)
    WHERE status = 'completed' AND file IS NOT NULL AND removed_at IS NULL;
CREATE INDEX backup_run_day ON backup_run ((finished_at / 86400000), status, devices_failed);

-- Histories by what narrows them: the newest runs that were started so, are of a kind, were queued then, or went without
-- some devices; the results of a device within some days.
CREATE INDEX backup_run_started_by ON backup_run (started_by, id);
CREATE INDEX backup_run_kind ON backup_run (kind, id);
CREATE INDEX backup_run_queued ON backup_run (queued_at, id);
CREATE INDEX backup_run_partial ON backup_run (status, id, backup_config_id)
    WHERE status = 'completed' AND devices_failed + artifacts_failed > 0;
CREATE INDEX device_result_time ON device_result (device_id, finished_at);

-- Jobs that were given up, among those that ended.
CREATE INDEX job_dead ON job (id) WHERE dead = 1;
