-- +goose Up

-- What rows held before their later writes, of tables in which a program decides who may know of what.
CREATE TABLE former (
    tbl  TEXT    NOT NULL,
    id   TEXT    NOT NULL,
    seq  INTEGER NOT NULL, -- of the write that replaced it
    data TEXT    NOT NULL,
    PRIMARY KEY (tbl, id, seq)
) WITHOUT ROWID;

CREATE INDEX former_seq ON former (tbl, seq);

-- +goose Down

DROP TABLE former;
