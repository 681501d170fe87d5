-- Ways to devices, and what devices say of themselves.

-- Servers that pass connections on to devices. One with a site serves the devices of that site that name none. `via_id`
-- is the one that it is itself reached through. Host keys as in host_key.
CREATE TABLE jump_host (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    site TEXT,
    address TEXT NOT NULL,
    port BIGINT NOT NULL,
    credential_id BIGINT REFERENCES credential (id) ON DELETE SET NULL,
    via_id BIGINT REFERENCES jump_host (id) ON DELETE SET NULL,
    legacy_ssh BIGINT NOT NULL,
    openssh TEXT,
    fingerprint TEXT,
    first_seen_at BIGINT,
    offered_openssh TEXT,
    offered_fingerprint TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX jump_host_site ON jump_host (site);

ALTER TABLE device ADD COLUMN jump_host_id BIGINT REFERENCES jump_host (id) ON DELETE SET NULL;
ALTER TABLE device ADD COLUMN legacy_ssh BIGINT NOT NULL DEFAULT 0;
-- When it last answered, as far as that was noted: when it was last collected, or went offline.
ALTER TABLE device ADD COLUMN last_seen_at BIGINT;

-- What was found out about a device: the driver that it was recognised as, the credential that it took, its hardware.
-- Written only when something of it changes.
CREATE TABLE device_fact (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    platform TEXT,
    credential_id BIGINT REFERENCES credential (id) ON DELETE SET NULL,
    model TEXT,
    serial TEXT,
    os_version TEXT,
    unsaved BIGINT,
    changed_at BIGINT NOT NULL
);

-- The newest connection test of each device, its steps as JSON.
CREATE TABLE device_test (
    device_id BIGINT NOT NULL PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    class TEXT,
    message TEXT,
    steps TEXT NOT NULL
);
