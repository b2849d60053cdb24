-- +goose Up

-- One row per table: the counter that every write transaction takes first.
CREATE TABLE feed (
    tbl     text   NOT NULL PRIMARY KEY,
    seq     bigint NOT NULL,
    at      bigint NOT NULL,
    boot    text   NOT NULL,
    live    bigint NOT NULL,
    horizon bigint NOT NULL -- up to this number deleted rows may be forgotten
);

-- The lineage: between which of a table's numbers a start of a server gave some; the last is open while it writes. Servers
-- that share a database take turns, so the ranges overlap; but none gives a number twice.
CREATE TABLE lineage (
    tbl   text   NOT NULL,
    boot  text   NOT NULL,
    first bigint NOT NULL,
    last  bigint NOT NULL,
    PRIMARY KEY (tbl, boot)
);

-- What former owners are told of rows that are theirs no more.
CREATE TABLE moved (
    tbl   text   NOT NULL,
    owner text   NOT NULL,
    seq   bigint NOT NULL,
    id    text   NOT NULL,
    PRIMARY KEY (tbl, owner, seq)
);

CREATE INDEX moved_seq ON moved (tbl, seq);

CREATE TABLE client (
    id      text   NOT NULL PRIMARY KEY,
    high    bigint NOT NULL,
    expired bigint NOT NULL
);

CREATE TABLE verdict (
    client  text   NOT NULL,
    seq     bigint NOT NULL,
    request text   NOT NULL,
    at      bigint NOT NULL,
    status  int    NOT NULL,
    body    text   NOT NULL,
    PRIMARY KEY (client, seq)
);

CREATE INDEX verdict_at ON verdict (at);

-- +goose Down

DROP TABLE verdict;
DROP TABLE client;
DROP TABLE moved;
DROP TABLE lineage;
DROP TABLE feed;
