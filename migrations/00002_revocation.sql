-- +goose Up

-- A version that was revoked, and why (RFC 5280 section 5.3.1).
ALTER TABLE versions
    ADD COLUMN revoked_at        timestamptz,
    ADD COLUMN revocation_reason text;

-- The oldest binary that may work with this schema, by the schema version that it knows. While releases are rolled out,
-- binaries of both run on the newer schema: a migration raises this only if older code would do harm.
CREATE TABLE everleaf_compatibility (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    least    bigint NOT NULL
);
INSERT INTO everleaf_compatibility (least) VALUES (1);
