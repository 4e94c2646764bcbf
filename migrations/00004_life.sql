-- +goose Up

-- What a version was issued for, and when its CA is to be asked again when to renew it (RFC 9773 section 4.3).
ALTER TABLE versions
    ADD COLUMN key_type      text NOT NULL DEFAULT '',
    ADD COLUMN profile       text NOT NULL DEFAULT '',
    ADD COLUMN next_look     timestamptz,
    ADD COLUMN look_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN look_failure  text;
CREATE INDEX versions_next_look ON versions (next_look) WHERE next_look IS NOT NULL;

-- How each certificate stands at each of its targets. The version is the one that the target has confirmed.
CREATE TABLE deliveries (
    certificate  text NOT NULL REFERENCES certificates (name),
    target       text NOT NULL,
    version      uuid,
    confirmation text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    failure      jsonb,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (certificate, target)
);

-- The one-time token by which the receiver of a webhook fetches a key; only its SHA-256 is kept. A certificate has one for
-- each target at most: a new one makes the earlier one void.
CREATE TABLE delivery_tokens (
    certificate text NOT NULL REFERENCES certificates (name),
    target      text NOT NULL,
    version     uuid NOT NULL REFERENCES versions (id),
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    expires     timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (certificate, target)
);

-- A client that asks by the name that it serves finds the certificate.
CREATE INDEX versions_names ON versions USING gin (names);
-- A key that a client pulls again and again is noted once for each version.
CREATE UNIQUE INDEX events_one_pull ON events (certificate, (detail ->> 'version'), (detail ->> 'by'))
    WHERE type = 'exported' AND detail ->> 'through' = 'pull';

-- The contact that the CA was told, and a new account key on its way: it is stored before the CA hears of it.
ALTER TABLE accounts
    ADD COLUMN contact         text NOT NULL DEFAULT '',
    ADD COLUMN next_sealed_key bytea;

-- Which sealing key sealed a secret; NULL for those of before this was kept.
ALTER TABLE keys ADD COLUMN sealed_by text;
ALTER TABLE accounts ADD COLUMN sealed_by text;

-- A caller's change, or a fallback to another issuer, is recorded once, however often it is told.
CREATE UNIQUE INDEX events_one_change ON events (certificate, at, type) WHERE type IN ('changed', 'fell_back');
