-- Times are Unix milliseconds in UTC. All statements are one, as in the first.

-- +goose Up
-- +goose StatementBegin

-- Each import: one project of one user. Teams are tricodes, sorted, and sections are
-- the ids of those that we made, both with commas between. The project is '' until it
-- is made, and created says that Todoist made it for us. The options are the form's
-- query. The request's number is raised after each answer; sending is the request under
-- way, empty when there is none. Checked is when all of it was right, 0 is never. The
-- holder is the process that may write until the lease ends. Zone is the IANA zone of
-- the tasks' times. Auto says that it updates itself, and played that games which are
-- over are ticked off; facts and as_of are those of the schedule at the last success.
-- It is due at that time, 0 is not; failures counts those since the last success.
CREATE TABLE imports (
	id       TEXT PRIMARY KEY,
	user_id  TEXT NOT NULL,
	league   TEXT NOT NULL,
	season   TEXT NOT NULL,
	teams    TEXT NOT NULL,
	project  TEXT NOT NULL,
	created  BOOLEAN NOT NULL,
	options  TEXT NOT NULL,
	sections TEXT NOT NULL,
	request  BIGINT NOT NULL,
	sending  BYTEA NOT NULL,
	state    TEXT NOT NULL,
	begun    BIGINT NOT NULL,
	checked  BIGINT NOT NULL,
	zone     TEXT NOT NULL,
	auto     BOOLEAN NOT NULL,
	played   BOOLEAN NOT NULL,
	facts    TEXT NOT NULL,
	as_of    BIGINT NOT NULL,
	due      BIGINT NOT NULL,
	failures BIGINT NOT NULL,
	lease    BIGINT NOT NULL,
	holder   TEXT NOT NULL
);
CREATE INDEX imports_user_id ON imports (user_id);
CREATE UNIQUE INDEX imports_project ON imports (user_id, project) WHERE project <> '';
CREATE INDEX imports_due ON imports (due) WHERE due > 0;

-- The task of each game of an import. Its day is Eastern, and task is Todoist's id, ''
-- while it is being made or where there is none. What was written are fingerprints of
-- the fields, with spaces between.
CREATE TABLE tasks (
	import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
	game      TEXT NOT NULL,
	home      TEXT NOT NULL,
	away      TEXT NOT NULL,
	day       TEXT NOT NULL,
	task      TEXT NOT NULL,
	state     TEXT NOT NULL,
	wrote     TEXT NOT NULL,
	PRIMARY KEY (import_id, game)
);

-- What was changed in each import, the last of it. Was and becomes are dates as Todoist
-- writes them, '' for none.
CREATE TABLE changes (
	import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
	number    BIGINT NOT NULL,
	at        BIGINT NOT NULL,
	game      TEXT NOT NULL,
	title     TEXT NOT NULL,
	what      TEXT NOT NULL,
	was       TEXT NOT NULL,
	becomes   TEXT NOT NULL,
	auto      BOOLEAN NOT NULL,
	PRIMARY KEY (import_id, number)
);
-- +goose StatementEnd
