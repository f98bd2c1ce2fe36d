BEGIN TRANSACTION;
CREATE TABLE dispenser (
        name TEXT PRIMARY KEY,
        next_sequence INTEGER NOT NULL,
        pulses_per_l TEXT NOT NULL,
        base_ml INTEGER NOT NULL,
        pulses INTEGER NOT NULL
    );
INSERT INTO "dispenser" VALUES('d1',1767600002,'100',0,4100);
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
INSERT INTO "message" VALUES(1,'fuelling','d1/1767600000','{"amount_fen":16400,"authorisation":"a1","dispenser":"d1","ended_at":"2026-01-05T08:00:30Z","flags":[],"lane":"1","plate":"粤B12345","product":"92","sequence":1767600000,"started_at":"2026-01-05T08:00:00Z","station":"s","totaliser_after_ml":20500,"totaliser_before_ml":0,"unit_price_fen_per_l":800,"visit":"v1","volume_ml":20500}','waiting','2026-01-05T08:00:00+00:00',1,'no answer',NULL,NULL,NULL);
INSERT INTO "message" VALUES(2,'fuelling','d1/1767600001','{"amount_fen":16400,"authorisation":"a1","dispenser":"d1","ended_at":"2026-01-05T08:00:30Z","flags":[],"lane":"1","plate":"粤B12345","product":"92","sequence":1767600001,"started_at":"2026-01-05T08:00:00Z","station":"s","totaliser_after_ml":41000,"totaliser_before_ml":20500,"unit_price_fen_per_l":800,"visit":"v1","volume_ml":20500}','parked','2026-01-05T08:00:00+00:00',1,'this sequence was reported with other content','key_reused','2026-01-05T08:00:00+00:00',NULL);
CREATE TABLE message_action (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER NOT NULL,
        action TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL
    );
CREATE TABLE open_fuelling (
        dispenser TEXT PRIMARY KEY,
        fuelling TEXT NOT NULL CHECK (json_valid(fuelling)),
        pulses INTEGER NOT NULL
    );
INSERT INTO "open_fuelling" VALUES('d1','{"station": "s", "lane": "1", "dispenser": "d1", "sequence": 1767600002, "visit": "v1", "authorisation": "a1", "plate": "粤B12345", "started_at": "2026-01-05T08:00:00Z", "ended_at": "2026-01-05T08:00:30Z", "volume_ml": 20500, "amount_fen": 16400, "unit_price_fen_per_l": 800, "product": "92", "totaliser_before_ml": 41000, "totaliser_after_ml": 61500, "flags": []}',6150);
CREATE TABLE price (
        product TEXT PRIMARY KEY,
        unit_price_fen_per_l INTEGER NOT NULL,
        told_at TEXT NOT NULL
    );
INSERT INTO "price" VALUES('92',812,'2026-01-05T08:01:00+00:00');
CREATE INDEX message_by_state ON message (state, kind, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('message',2);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 0;
