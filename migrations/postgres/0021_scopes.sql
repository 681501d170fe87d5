-- Which devices somebody sees and acts on: a line each of site:NAME or tag:NAME; empty: every device.
ALTER TABLE app_user ADD COLUMN scope TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE api_token ADD COLUMN scope TEXT COLLATE "C" NOT NULL DEFAULT '';
