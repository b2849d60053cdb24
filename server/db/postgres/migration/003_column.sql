-- +goose Up

-- The columns that records of tables with a dynamic schema have had.
CREATE TABLE "column" (
    tbl  text NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (tbl, name)
);

-- +goose Down

DROP TABLE "column";
