-- What people say of a version.
ALTER TABLE config_version ADD COLUMN label TEXT;
ALTER TABLE config_version ADD COLUMN note TEXT;
-- Labelled versions are few; a list of them walks no history.
CREATE INDEX config_version_labelled ON config_version (device_id, id) WHERE label IS NOT NULL;
-- What was active when: a text as of a time.
CREATE INDEX config_version_as_of ON config_version (device_id, part, collected_at);

-- Files that people attach to a device; they lie under media/<device id>/<file name>.
CREATE TABLE media (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    UNIQUE (device_id, file_name)
);
