-- Which version a person made the active one, and when: an older one, or a suspect one that was accepted. One without a
-- row became active when it was taken.
CREATE TABLE config_activation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    version_id BIGINT NOT NULL REFERENCES config_version (id) ON DELETE CASCADE,
    was_suspect BIGINT NOT NULL,
    activated_at BIGINT NOT NULL
);
CREATE INDEX config_activation_as_of ON config_activation (device_id, part, activated_at);
CREATE INDEX config_activation_version ON config_activation (version_id);
CREATE INDEX config_activation_time ON config_activation (activated_at);

-- Until now it was not noted when. What is active although something newer was taken is known to be so from now on.
INSERT INTO config_activation (device_id, part, version_id, was_suspect, activated_at)
SELECT a.device_id, a.part, a.id, 0, unixepoch() * 1000 FROM config_version a
WHERE a.state = 'active' AND EXISTS (
    SELECT 1 FROM config_version n
    WHERE n.device_id = a.device_id AND n.part = a.part AND n.state = 'inactive'
      AND (n.collected_at > a.collected_at OR (n.collected_at = a.collected_at AND n.id > a.id))
);
