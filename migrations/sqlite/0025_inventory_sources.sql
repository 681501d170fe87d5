-- Where devices are listed that are to be here as well: a NetBox, a URL, a file. `sealed` is its token, bound to this row's id.
-- Nothing is synchronised by schedule before `confirmed_at`: a person looks first at what it would do. `etag` and
-- `last_modified` are of the list that was taken last. One process at a time holds the lease.
CREATE TABLE inventory_source (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    sealed BLOB,
    confirmed_at BIGINT,
    next_at BIGINT,
    etag TEXT,
    last_modified TEXT,
    last_ok_at BIGINT,
    problem TEXT,
    failures BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX inventory_source_due ON inventory_source (next_at);

-- Which devices a source has, by what it calls them. `given` (JSON) is what it said last of each field: a field that holds
-- something else by now was changed by a person and stays. `gone_at`: it does not list the device any more; `disabled_here`:
-- the device was disabled for that.
CREATE TABLE inventory_source_device (
    source_id BIGINT NOT NULL REFERENCES inventory_source (id) ON DELETE CASCADE,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    external_key TEXT NOT NULL,
    given TEXT NOT NULL,
    gone_at BIGINT,
    disabled_here BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, device_id),
    UNIQUE (device_id),
    UNIQUE (source_id, external_key)
);

-- What the newest syncs of each source came to: a report (JSON), or why there is none.
CREATE TABLE inventory_sync (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id BIGINT NOT NULL REFERENCES inventory_source (id) ON DELETE CASCADE,
    started_by TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    report TEXT,
    problem TEXT
);
CREATE INDEX inventory_sync_source ON inventory_sync (source_id, id);
