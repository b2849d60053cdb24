-- +goose Up

-- Up to this number deleted rows may be forgotten.
ALTER TABLE feed ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0;

-- The lineage: between which of a table's numbers a start of a server gave some; the last is open while it writes. Servers
-- that share a database take turns, so the ranges overlap; but none gives a number twice.
CREATE TABLE lineage (
    tbl   TEXT    NOT NULL,
    boot  TEXT    NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    PRIMARY KEY (tbl, boot)
) WITHOUT ROWID;

INSERT INTO lineage (tbl, boot, first, last)
SELECT tbl, id, min(first), max(coalesce(
    (SELECT min(later.first) - 1 FROM boot AS later WHERE later.tbl = boot.tbl AND later.first > boot.first),
    9223372036854775807))
FROM boot GROUP BY tbl, id;

DROP TABLE boot;

-- What former owners are told of rows that are theirs no more.
CREATE TABLE moved (
    tbl   TEXT    NOT NULL,
    owner TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    id    TEXT    NOT NULL,
    PRIMARY KEY (tbl, owner, seq)
) WITHOUT ROWID;

CREATE INDEX moved_seq ON moved (tbl, seq);
CREATE INDEX verdict_at ON verdict (at);

-- +goose Down

DROP INDEX verdict_at;
DROP TABLE moved;
CREATE TABLE boot (
    tbl   TEXT    NOT NULL,
    first INTEGER NOT NULL,
    id    TEXT    NOT NULL,
    PRIMARY KEY (tbl, first)
) WITHOUT ROWID;
INSERT INTO boot (tbl, first, id) SELECT tbl, first, boot FROM lineage;
DROP TABLE lineage;
ALTER TABLE feed DROP COLUMN horizon;
