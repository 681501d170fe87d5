-- Since when due times are promised: what was due before a backup was made, enabled or changed, or before a device was
-- added, enabled or came to be covered, makes nothing overdue.
ALTER TABLE backup_config ADD COLUMN promised_from BIGINT;
UPDATE backup_config SET promised_from = created_at;
-- Where a schedule took the place of another: what was promised by that one, until the new one is due.
ALTER TABLE backup_config ADD COLUMN due_before BIGINT;
ALTER TABLE device ADD COLUMN promised_from BIGINT;
UPDATE device SET promised_from = created_at;

-- It holds all by which devices are counted.
DROP INDEX device_standing;
CREATE INDEX device_standing ON device (device_type, status, enabled, last_class, last_good_at, promised_from, site, id);
