-- +goose Up

-- What somebody asked for of a version's revocation, from then on: it is pending until revoked_at is set. Whoever takes a
-- certificate up again whose workflow was ended goes on with it.
ALTER TABLE versions ADD COLUMN revoking jsonb;
CREATE INDEX versions_revoking ON versions (certificate) WHERE revoking IS NOT NULL AND revoked_at IS NULL;

-- Validations that a CA has carried out and that failed: CAs count them by account and name, whichever certificate it was
-- for. Rows of more than an hour ago count no more.
CREATE TABLE failed_validations (
    issuer            text NOT NULL,
    name              text NOT NULL,
    authorization_url text NOT NULL,
    failed_at         timestamptz NOT NULL,
    PRIMARY KEY (issuer, name, authorization_url)
);
CREATE INDEX failed_validations_age ON failed_validations (failed_at);
