-- The folder in which a process keeps archives and vendors' backups, by its own name.
ALTER TABLE machine ADD COLUMN files_id TEXT COLLATE "C" NOT NULL DEFAULT '';
-- Where it listens for syslog, how many messages came in since it was started, and how many told of a change.
ALTER TABLE machine ADD COLUMN syslog_address TEXT COLLATE "C";
ALTER TABLE machine ADD COLUMN syslog_messages BIGINT NOT NULL DEFAULT 0;
ALTER TABLE machine ADD COLUMN syslog_changes BIGINT NOT NULL DEFAULT 0;
