-- +goose Up

-- One row per table: the counter that every write transaction takes first.
CREATE TABLE feed (
    tbl  TEXT    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    boot TEXT    NOT NULL,
    live INTEGER NOT NULL
) WITHOUT ROWID;

-- The lineage: which start of a server gave the numbers of a table from first on.
CREATE TABLE boot (
    tbl   TEXT    NOT NULL,
    first INTEGER NOT NULL,
    id    TEXT    NOT NULL,
    PRIMARY KEY (tbl, first)
) WITHOUT ROWID;

CREATE TABLE client (
    id      TEXT    NOT NULL PRIMARY KEY,
    high    INTEGER NOT NULL,
    expired INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE verdict (
    client TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    op     TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    status INTEGER NOT NULL,
    body   TEXT    NOT NULL,
    PRIMARY KEY (client, seq)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE verdict;
DROP TABLE client;
DROP TABLE boot;
DROP TABLE feed;
