-- +goose Up

-- The columns that records of tables with a dynamic schema have had.
CREATE TABLE "column" (
    tbl  TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (tbl, name)
) WITHOUT ROWID;

-- +goose Down

DROP TABLE "column";
