-- Rotating the secrets of a credential: the new ones are tried first, the previous ones where a device refuses these.

-- `previous_sealed` is there while a rotation is on, sealed as `sealed` is; `rotated_at` says since when. `generation`
-- counts how often the secrets were replaced by others that devices have yet to take.
ALTER TABLE credential ADD COLUMN previous_sealed BLOB;
ALTER TABLE credential ADD COLUMN rotated_at BIGINT;
ALTER TABLE credential ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- Which secrets of its credential a device took last, so that the next session does not begin with a refusal: the
-- generation then, and whether it took the previous ones.
ALTER TABLE device_fact ADD COLUMN credential_generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE device_fact ADD COLUMN takes_previous BIGINT NOT NULL DEFAULT 0;
CREATE INDEX device_fact_credential ON device_fact (credential_id);

-- The same of a jump host.
ALTER TABLE jump_host ADD COLUMN credential_generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jump_host ADD COLUMN takes_previous BIGINT NOT NULL DEFAULT 0;
