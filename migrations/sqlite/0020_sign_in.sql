-- How people sign in, apart from who they are: a person has an identity for each way in. Of a password, `subject` is the name
-- as it is compared and `secret` the hash; of a provider elsewhere, who they are there, and no secret.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    secret TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (provider, subject)
);
CREATE INDEX identity_by_user ON identity (user_id);
INSERT INTO identity (user_id, provider, subject, secret, created_at)
    SELECT id, 'password', name_key, password_hash, created_at FROM app_user;
ALTER TABLE app_user DROP COLUMN password_hash;

-- Time-based codes (RFC 6238). `sealed` is the secret in force, bound to this row's id; what a person sets up waits in
-- `pending_sealed` until a code confirms it. A code of `last_step` or of a step before is not taken again.
CREATE TABLE second_factor (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL UNIQUE REFERENCES app_user (id) ON DELETE CASCADE,
    sealed BLOB,
    pending_sealed BLOB,
    pending_at BIGINT,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0
);

-- Each signs in once in place of such a code, by its SHA-256.
CREATE TABLE recovery_code (
    user_id BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
    code_sha256 TEXT NOT NULL,
    PRIMARY KEY (user_id, code_sha256)
);

-- By which of the identities a session began, and what is shown of it.
ALTER TABLE session ADD COLUMN provider TEXT NOT NULL DEFAULT 'password';
ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
