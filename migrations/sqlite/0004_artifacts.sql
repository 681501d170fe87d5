-- Vendors' own backups of devices, and the certificates of the appliances that they are fetched from.

-- NULL: 443.
ALTER TABLE device ADD COLUMN https_port BIGINT;
-- How often a backup config takes vendors' backups along, and how many of them a run got.
ALTER TABLE backup_config ADD COLUMN artifacts TEXT NOT NULL DEFAULT 'daily';
ALTER TABLE backup_run ADD COLUMN artifacts_ok BIGINT NOT NULL DEFAULT 0;
ALTER TABLE backup_run ADD COLUMN artifacts_failed BIGINT NOT NULL DEFAULT 0;

-- TLS certificates by their SHA-256: the one that a person pinned, and one that was not trusted and waits for a person.
CREATE TABLE tls_certificate (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    pinned TEXT,
    offered TEXT,
    changed_at BIGINT NOT NULL
);

-- Files in the folder of artifacts, once each, by the SHA-256 of their bytes. `unused_since`: nothing refers to it.
CREATE TABLE artifact_blob (
    sha256 TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    data_dir TEXT NOT NULL,
    stored_at BIGINT NOT NULL,
    unused_since BIGINT
);

-- The vendors' backups that are kept of each device.
CREATE TABLE artifact (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES artifact_blob (sha256),
    size_bytes BIGINT NOT NULL,
    encrypted BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    run_id BIGINT REFERENCES backup_run (id) ON DELETE SET NULL
);
CREATE INDEX artifact_device ON artifact (device_id, id);
CREATE INDEX artifact_sha256 ON artifact (sha256);

-- What attempts to fetch them came to. `transcript` (zstd) is kept where it went wrong, secrets masked.
CREATE TABLE artifact_result (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    run_id BIGINT REFERENCES backup_run (id) ON DELETE SET NULL,
    job_id BIGINT,
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    message TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    transcript BLOB
);
CREATE INDEX artifact_result_device ON artifact_result (device_id, id);
CREATE INDEX artifact_result_run ON artifact_result (run_id, id);
CREATE INDEX artifact_result_job ON artifact_result (job_id, id);

-- One vendor's backup per device at a time, across processes and machines. Apart from device_lease: a device may take
-- three quarters of an hour for one, and its text must not wait for that.
CREATE TABLE artifact_lease (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
