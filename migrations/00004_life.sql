-- +goose Up

-- What a version was issued for, and when its CA is to be asked again when to renew it (RFC 9773 section 4.3).
ALTER TABLE versions
    ADD COLUMN key_type      text NOT NULL DEFAULT '',
    ADD COLUMN profile       text NOT NULL DEFAULT '',
    ADD COLUMN next_look     timestamptz,
    ADD COLUMN look_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN look_failure  text;
-- Releases that know nothing of it issue certificates, too.
ALTER TABLE versions ALTER COLUMN next_look SET DEFAULT now();
-- What is in service is asked about within six hours, and not all at once.
UPDATE versions SET next_look = now() + random() * interval '6 hours'
FROM certificates WHERE certificates.current_version = versions.id;
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

-- One-time tokens by which the receiver of a webhook fetches a key; only the token's SHA-256 is kept.
CREATE TABLE delivery_tokens (
    digest      bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    certificate text NOT NULL,
    target      text NOT NULL,
    version     uuid NOT NULL,
    expires     timestamptz NOT NULL,
    used_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX delivery_tokens_expires ON delivery_tokens (expires);

-- The contact that the CA was told, and a new account key on its way: it is stored before the CA hears of it.
ALTER TABLE accounts
    ADD COLUMN contact         text NOT NULL DEFAULT '',
    ADD COLUMN next_sealed_key bytea;

-- What is sealed begins with the mark of the key that sealed it, nine octets: finds what an earlier key has sealed.
CREATE INDEX keys_mark ON keys (substring(sealed FROM 1 FOR 9));

-- What earlier sealing keys have made of the known text, once another key has taken the lead from them.
ALTER TABLE sealing_check ADD COLUMN superseded bytea[] NOT NULL DEFAULT '{}';

-- A caller's change, or a fallback to another issuer, is recorded once, however often it is told.
CREATE UNIQUE INDEX events_one_change ON events (certificate, at, type) WHERE type IN ('changed', 'fell_back');
