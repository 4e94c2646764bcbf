-- +goose Up

-- What a target was asked last for a certificate, and its number: what is asked for later has a greater one, so that a try
-- that comes late is told apart. A row outlives its delivery, or a target that is named again would begin anew.
CREATE TABLE delivery_sequences (
    certificate text NOT NULL,
    target      text NOT NULL,
    -- NULL for a removal.
    version     uuid,
    -- When the workflow asked, by Temporal's clock.
    asked       timestamptz NOT NULL,
    sequence    bigint NOT NULL,
    PRIMARY KEY (certificate, target)
);

-- How many deliveries fail is counted each minute.
CREATE INDEX deliveries_failed ON deliveries (certificate) WHERE failure IS NOT NULL;
