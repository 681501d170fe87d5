-- The first schema. Flags are BIGINT 0/1, times BIGINT milliseconds since the epoch (UTC), JSON is TEXT.
-- The same tables, columns and indexes stand in the other database's file of the same number.

-- Single values: the instance's id, the fingerprint of its key, its settings, the scheduler's last look.
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- People who sign in. `name_key` is the name in lower case.
CREATE TABLE app_user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

-- Signed-in browsers, by the SHA-256 of the cookie's value.
CREATE TABLE session (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_by_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

-- API tokens, by the SHA-256 of their secret.
CREATE TABLE api_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);

-- Logins for devices. `sealed` holds the secrets, encrypted and bound to this row's id.
CREATE TABLE credential (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    site TEXT,
    username TEXT NOT NULL,
    sealed BLOB NOT NULL,
    has_password BIGINT NOT NULL,
    has_enable BIGINT NOT NULL,
    has_key BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The inventory. (site, address, port) is the identity; `last_…` repeat the newest result for quick lists.
CREATE TABLE device (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT NOT NULL,
    address TEXT NOT NULL,
    port BIGINT NOT NULL,
    hostname TEXT NOT NULL,
    device_type TEXT NOT NULL,
    platform TEXT,
    transport TEXT NOT NULL,
    credential_id BIGINT REFERENCES credential (id) ON DELETE SET NULL,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    status TEXT NOT NULL,
    status_at BIGINT,
    last_class TEXT,
    last_message TEXT,
    last_finished_at BIGINT,
    last_good_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (site, address, port)
);
CREATE INDEX device_hostname ON device (hostname, id);
CREATE INDEX device_address ON device (address);
CREATE INDEX device_type ON device (device_type, hostname);
CREATE INDEX device_credential ON device (credential_id);

CREATE TABLE device_tag (
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device_id, tag)
);
CREATE INDEX device_tag_tag ON device_tag (tag, device_id);

-- Host keys, remembered on first use. `offered` is a changed one that waits for a person.
CREATE TABLE host_key (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    openssh TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    offered_openssh TEXT,
    offered_fingerprint TEXT
);

-- One session per device at a time, across processes and machines.
CREATE TABLE device_lease (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- The user's own drivers, as last read from the folder. `problem` says why `refused_text` is not in use.
CREATE TABLE driver (
    name TEXT NOT NULL PRIMARY KEY,
    text TEXT,
    sha256 TEXT,
    refused_sha256 TEXT,
    problem TEXT,
    updated_at BIGINT NOT NULL
);

-- Texts, once each, by the SHA-256 of the plain text.
CREATE TABLE config_text (
    sha256 TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    zstd BLOB NOT NULL
);

-- What to back up, when, how many to keep. `slug` begins the names of its archives.
CREATE TABLE backup_config (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    schedule TEXT NOT NULL,
    retention TEXT NOT NULL,
    include TEXT NOT NULL,
    devices TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    next_run_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX backup_config_due ON backup_config (enabled, next_run_at);

-- One execution of a backup config (BackupHistory). While it runs, `owner` holds it until `lease_expires_at`.
CREATE TABLE backup_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backup_config_id BIGINT REFERENCES backup_config (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    started_by TEXT NOT NULL,
    retry_of BIGINT,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    owner TEXT,
    lease_expires_at BIGINT,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL DEFAULT 0,
    devices_ok BIGINT NOT NULL DEFAULT 0,
    devices_failed BIGINT NOT NULL DEFAULT 0,
    file TEXT,
    size_bytes BIGINT,
    sha256 TEXT,
    verified_at BIGINT,
    damaged BIGINT NOT NULL DEFAULT 0,
    protected BIGINT NOT NULL DEFAULT 0,
    removed_at BIGINT,
    error TEXT
);
CREATE INDEX backup_run_config ON backup_run (backup_config_id, id);
CREATE INDEX backup_run_status ON backup_run (status, id);
CREATE INDEX backup_run_finished ON backup_run (finished_at);
-- A config has one live run at most.
CREATE UNIQUE INDEX backup_run_live ON backup_run (backup_config_id) WHERE status IN ('pending', 'running');

-- Numbered texts of one part of one device. Exactly one of a part is active.
CREATE TABLE config_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    text_sha256 TEXT NOT NULL REFERENCES config_text (sha256),
    compare_sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    added BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    run_id BIGINT REFERENCES backup_run (id) ON DELETE SET NULL,
    driver TEXT NOT NULL,
    driver_sha256 TEXT NOT NULL,
    UNIQUE (device_id, part, version)
);
CREATE UNIQUE INDEX config_version_active ON config_version (device_id, part) WHERE state = 'active';
CREATE INDEX config_version_time ON config_version (collected_at, id);
CREATE INDEX config_version_text ON config_version (text_sha256);

-- What one collection of one device came to. `transcript` (zstd) is kept where it went wrong, secrets masked.
CREATE TABLE device_result (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    run_id BIGINT REFERENCES backup_run (id) ON DELETE SET NULL,
    job_id BIGINT,
    class TEXT NOT NULL,
    message TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    driver TEXT,
    driver_sha256 TEXT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    reused BIGINT NOT NULL DEFAULT 0,
    transcript BLOB
);
CREATE INDEX device_result_device ON device_result (device_id, id);
CREATE INDEX device_result_run ON device_result (run_id, id);
CREATE INDEX device_result_job ON device_result (job_id, id);

-- The queue. A job is waiting, leased (`lease_owner` until `lease_expires_at`), finished or dead.
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    site TEXT,
    idempotency_key TEXT UNIQUE,
    priority BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_expires_at BIGINT,
    finished_at BIGINT,
    dead BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX job_open ON job (finished_at, priority, due_at, id);

-- Files uploaded to be imported, kept for a day. `report` (JSON) says what the import did.
CREATE TABLE upload (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_name TEXT NOT NULL,
    content BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    imported_at BIGINT,
    report TEXT
);
