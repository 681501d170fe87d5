-- What configurations are held against: docs/rules.md. `patterns` is a line each; empty columns of the target narrow nothing.
-- `revision` counts the changes of what a rule asks and of whom; `checked` is the one that all texts were held against last.
CREATE TABLE config_rule (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    wants TEXT NOT NULL,
    patterns TEXT NOT NULL,
    match_case BIGINT NOT NULL,
    block TEXT NOT NULL,
    platform TEXT NOT NULL,
    device_type TEXT NOT NULL,
    site TEXT NOT NULL,
    tag TEXT NOT NULL,
    part TEXT NOT NULL,
    severity TEXT NOT NULL,
    advice TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    checked BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Which version of a part was held against which rules (a hash of their numbers and revisions). Derived, as the next table is:
-- no archive holds them, and an instance without them holds everything against its rules again.
CREATE TABLE rule_check (
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    version_id BIGINT NOT NULL,
    rules TEXT NOT NULL,
    PRIMARY KEY (device_id, part)
);

-- What that came to, a row for each rule of a part. `version_id` and `since`: with which version, and when, it came to that;
-- `newly`: before that the rule was kept. `lines` are the numbers of the first lines that tell, `hits` is how many tell.
CREATE TABLE rule_result (
    device_id BIGINT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    rule_id BIGINT NOT NULL REFERENCES config_rule (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    broken BIGINT NOT NULL,
    newly BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    lines TEXT NOT NULL,
    version_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (device_id, part, rule_id)
);
CREATE INDEX rule_result_of ON rule_result (rule_id, broken, device_id);
CREATE INDEX rule_result_broken ON rule_result (rule_id, device_id) WHERE broken = 1;
CREATE INDEX rule_result_newly ON rule_result (since) WHERE broken = 1 AND newly = 1;
