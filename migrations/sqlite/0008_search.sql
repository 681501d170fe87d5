-- The index that picks the texts that a search looks into. It holds active texts only and is derived from them: it is in
-- no archive, and an instance without it finds the same, more slowly.
CREATE TABLE search_text (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    text_sha256 TEXT NOT NULL UNIQUE
);
-- Which grams (three bytes in a row, as six hex digits) each of them has; its rowid is the text's id. Nothing else of a
-- text is kept: not the text, not where a gram stands, not how often.
CREATE VIRTUAL TABLE search_gram USING fts5 (
    grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
-- Active texts, without a walk through what was active once.
CREATE INDEX config_version_active_text ON config_version (text_sha256) WHERE state = 'active';
