-- Notifications: where they are sent to, what is told, and what became of each message.

-- `kind` and `settings` (JSON) say where it leads; `sealed` holds all its secrets as JSON, sealed for this row. After
-- `failures` in a row nothing is tried before `paused_until`. `dropped` counts messages that were given up, because too many
-- waited, since it last took one.
CREATE TABLE notify_channel (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    backup_config_id BIGINT REFERENCES backup_config (id) ON DELETE CASCADE,
    sealed BLOB,
    enabled BIGINT NOT NULL,
    last_ok_at BIGINT,
    problem TEXT,
    failures BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT,
    dropped BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX notify_channel_backup ON notify_channel (backup_config_id) WHERE backup_config_id IS NOT NULL;

-- `settings` (JSON) say what is told, of what, when, and in which words.
CREATE TABLE notify_rule (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    enabled BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Whom rules tell.
CREATE TABLE notify_rule_channel (
    rule_id BIGINT NOT NULL REFERENCES notify_rule (id) ON DELETE CASCADE,
    channel_id BIGINT NOT NULL REFERENCES notify_channel (id) ON DELETE CASCADE,
    PRIMARY KEY (rule_id, channel_id)
);
CREATE INDEX notify_rule_channel_of ON notify_rule_channel (channel_id);

-- What happened and was not sorted into messages yet, written in the transaction of what it is about. `what` is started,
-- ended (of a run), changed or suspect (of a version). Rows go once they are sorted.
CREATE TABLE notify_notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,
    run_id BIGINT,
    device_id BIGINT,
    version_id BIGINT,
    at BIGINT NOT NULL
);

-- What lasts, for each rule that told of it: `about` names it, `item` (JSON) is how it was told.
CREATE TABLE notify_open (
    rule_id BIGINT NOT NULL REFERENCES notify_rule (id) ON DELETE CASCADE,
    about TEXT NOT NULL,
    event TEXT NOT NULL,
    item TEXT NOT NULL,
    since BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (rule_id, about)
);

-- What waits for a digest or for the end of quiet hours.
CREATE TABLE notify_held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule_id BIGINT NOT NULL REFERENCES notify_rule (id) ON DELETE CASCADE,
    about TEXT NOT NULL,
    item TEXT NOT NULL,
    release_at BIGINT NOT NULL
);
CREATE INDEX notify_held_of ON notify_held (rule_id, release_at);

-- The outbox: a message to one channel. `content` (JSON) is all of it; `state` is waiting, sent, failed or dropped.
CREATE TABLE notify_delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    channel_id BIGINT NOT NULL REFERENCES notify_channel (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    ended_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX notify_delivery_waiting ON notify_delivery (channel_id, id) WHERE state = 'waiting';
CREATE INDEX notify_delivery_ended ON notify_delivery (ended_at) WHERE ended_at IS NOT NULL;

-- Each try to send one.
CREATE TABLE notify_attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id BIGINT NOT NULL REFERENCES notify_delivery (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    good BIGINT NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX notify_attempt_of ON notify_attempt (delivery_id, id);

-- How often in a row a device was not backed up.
ALTER TABLE device ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
CREATE INDEX device_failing ON device (failures) WHERE failures > 0;
