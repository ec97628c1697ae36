-- Times are Unix milliseconds in UTC. The statements are one: goose takes megabytes to
-- find where each of several ends.

-- +goose Up
-- +goose StatementBegin

-- What the session library keeps for each session cookie, sealed.
CREATE TABLE sessions (
	token   TEXT PRIMARY KEY,
	data    BYTEA NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);

-- Where each user is signed in.
CREATE TABLE sign_ins (
	id      TEXT PRIMARY KEY,
	user_id TEXT NOT NULL,
	browser TEXT NOT NULL,
	since   BIGINT NOT NULL,
	seen    BIGINT NOT NULL
);
CREATE INDEX sign_ins_user_id ON sign_ins (user_id);
CREATE INDEX sign_ins_seen ON sign_ins (seen);

-- Each user's access to Todoist, sealed, and when a newer token was last asked for.
CREATE TABLE grants (
	user_id  TEXT PRIMARY KEY,
	sealed   BYTEA NOT NULL,
	version  BIGINT NOT NULL,
	asked    BIGINT NOT NULL,
	asked_by TEXT NOT NULL,
	used     BIGINT NOT NULL
);

-- Tokens, sealed, that Todoist has yet to be told to revoke.
CREATE TABLE revocations (
	id     TEXT PRIMARY KEY,
	sealed BYTEA NOT NULL,
	since  BIGINT NOT NULL,
	next   BIGINT NOT NULL,
	tries  BIGINT NOT NULL
);
CREATE INDEX revocations_next ON revocations (next);

-- Sign-ins that have come back from Todoist, so that none comes back twice.
CREATE TABLE spent_states (
	id      TEXT PRIMARY KEY,
	expires BIGINT NOT NULL
);

-- The last good schedule of each league. Its version is 0 until there is one. No
-- process but the one that claimed it refreshes the schedule until then.
CREATE TABLE schedules (
	league  TEXT PRIMARY KEY,
	body    BYTEA NOT NULL,
	version BIGINT NOT NULL,
	claimed BIGINT NOT NULL
);
-- +goose StatementEnd
