-- +goose Up

-- What rows held before their later writes, of tables in which a program decides who may know of what.
CREATE TABLE former (
    tbl  text   NOT NULL,
    id   text   NOT NULL,
    seq  bigint NOT NULL, -- of the write that replaced it
    data text   NOT NULL,
    PRIMARY KEY (tbl, id, seq)
);

CREATE INDEX former_seq ON former (tbl, seq);

-- +goose Down

DROP TABLE former;
