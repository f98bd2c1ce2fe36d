BEGIN TRANSACTION;
CREATE TABLE answer (
        visit TEXT PRIMARY KEY,
        question TEXT NOT NULL,
        decision TEXT NOT NULL,
        authorisation TEXT UNIQUE,
        station TEXT NOT NULL,
        lane TEXT NOT NULL,
        at_us INTEGER NOT NULL
    );
INSERT INTO "answer" VALUES('v1','{"visit":"v1","station":"s","lane":"1","plate":"粤B12345","typed":false,"captured_at":"2026-01-05T08:00:00Z","confidence":0.97,"weakest":0.98}','{"visit":"v1","plate":"粤B12345","decision":"allow","reason":"offline_allowed","authorisation":"off-0001","limit_fen":20000,"expires_at":"2026-01-05T08:02:00Z"}','off-0001','s','1',1767600000000000);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "fact" VALUES('seen_us','1767600000000000');
INSERT INTO "fact" VALUES('prices','[{"product": "92", "unit_price_fen_per_l": 812}]');
CREATE TABLE grant_fuelling (
        message INTEGER PRIMARY KEY,
        authorisation TEXT NOT NULL,
        card TEXT NOT NULL,
        amount_fen INTEGER NOT NULL,
        settled_under INTEGER
    );
INSERT INTO "grant_fuelling" VALUES(1,'off-0001','C1',16400,NULL);
CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'parked', 'sent', 'discarded')),
        queued_at TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        reason TEXT,
        settled_at TEXT,
        receipt TEXT CHECK (receipt IS NULL OR json_valid(receipt)),
        UNIQUE (kind, key)
    );
INSERT INTO "message" VALUES(1,'fuelling','d1/7','{"amount_fen":16400,"authorisation":"off-0001","dispenser":"d1","ended_at":"2026-01-05T08:00:30Z","flags":[],"lane":"1","plate":"粤B12345","product":"92","sequence":7,"started_at":"2026-01-05T08:00:00Z","station":"s","totaliser_after_ml":20500,"totaliser_before_ml":0,"unit_price_fen_per_l":800,"visit":"v1","volume_ml":20500}','waiting','2026-01-05T08:00:00+00:00',0,NULL,NULL,NULL,NULL);
CREATE TABLE message_action (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER NOT NULL,
        action TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL
    );
CREATE TABLE offline_grant (
        authorisation TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        card TEXT NOT NULL,
        limit_fen INTEGER NOT NULL,
        granted_us INTEGER NOT NULL,
        expires_us INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'released')),
        receipt TEXT
    );
INSERT INTO "offline_grant" VALUES('off-0001','{"authorisation":"off-0001","visit":"v1","station":"s","lane":"1","plate":"粤B12345","typed":false,"card":"C1","limit_fen":20000,"list_version":3,"granted_at":"2026-01-05T08:00:00Z"}','C1',20000,1767600000000000,1767600120000000,'open',NULL);
CREATE INDEX message_by_state ON message (state, kind, id);
CREATE INDEX offline_grant_by_state ON offline_grant (state, expires_us);
CREATE INDEX offline_grant_by_card ON offline_grant (card);
CREATE INDEX grant_fuelling_by_grant ON grant_fuelling (authorisation);
CREATE INDEX grant_fuelling_by_card ON grant_fuelling (card);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('message',1);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 0;
