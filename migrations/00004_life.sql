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
    -- Where it is delivered from: the name after "@", empty for a target that every delivery worker reaches.
    host         text NOT NULL GENERATED ALWAYS AS (split_part(target, '@', 2)) STORED,
    version      uuid REFERENCES versions (id),
    confirmation text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    failure      jsonb,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (certificate, target)
);
-- The sweep walks through a host's confirmed deliveries.
CREATE INDEX deliveries_host ON deliveries (host, certificate, target) WHERE version IS NOT NULL AND failure IS NULL;
-- A delivery is told once for each version and target, a failed one once, however often it is told.
CREATE UNIQUE INDEX events_one_delivery ON events (certificate, (detail ->> 'target'), (detail ->> 'version'))
    WHERE type = 'delivered';
CREATE UNIQUE INDEX events_one_undelivery ON events (certificate, at, (detail ->> 'target')) WHERE type = 'undelivered';

CREATE VIEW everleaf_deliveries AS
SELECT d.certificate,
       d.target,
       v.serial,
       d.delivered_at,
       d.confirmation,
       coalesce(d.version = c.current_version, false) AND d.failure IS NULL AS current,
       d.failure #>> '{fault,kind}'                    AS failure_kind,
       d.failure #>> '{fault,reason}'                  AS failure_reason,
       d.failure #>> '{fault,message}'                 AS failure_message,
       (d.failure ->> 'attempts')::integer             AS failure_attempts,
       (d.failure ->> 'at')::timestamptz               AS failed_at,
       (d.failure ->> 'retryAt')::timestamptz          AS retry_at,
       d.version,
       d.updated_at
FROM deliveries d
JOIN certificates c ON c.name = d.certificate
LEFT JOIN versions v ON v.id = d.version;

COMMENT ON VIEW everleaf_deliveries IS
    'One row per certificate and target, for other services to read. Columns are only ever added.';
COMMENT ON COLUMN everleaf_deliveries.target IS 'The target''s name, with "@host" where it is on a host of its own.';
COMMENT ON COLUMN everleaf_deliveries.serial IS 'Serial number of what the target has confirmed; NULL before the first.';
COMMENT ON COLUMN everleaf_deliveries.delivered_at IS 'When it was confirmed last.';
COMMENT ON COLUMN everleaf_deliveries.confirmation IS 'What the target said.';
COMMENT ON COLUMN everleaf_deliveries.current IS 'Whether the target has the certificate in service.';
COMMENT ON COLUMN everleaf_deliveries.failure_kind IS 'Whose move it is after the last failure; NULL after a success.';
COMMENT ON COLUMN everleaf_deliveries.failure_reason IS 'Stable word for what failed.';
COMMENT ON COLUMN everleaf_deliveries.failure_message IS 'What failed and what to do, for people.';
COMMENT ON COLUMN everleaf_deliveries.failure_attempts IS 'Failures since the last success.';
COMMENT ON COLUMN everleaf_deliveries.failed_at IS 'Instant of the last failure.';
COMMENT ON COLUMN everleaf_deliveries.retry_at IS 'Instant of the next attempt after a failure.';
COMMENT ON COLUMN everleaf_deliveries.version IS 'What the target has confirmed, as in everleaf_certificates.';
COMMENT ON COLUMN everleaf_deliveries.updated_at IS 'When the row last changed.';

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

-- What is sealed begins with the mark of the key that sealed it, nine octets: finds what an earlier key has sealed.
CREATE INDEX keys_mark ON keys (substring(sealed FROM 1 FOR 9));

-- What earlier sealing keys have made of the known text, once another key has taken the lead from them.
ALTER TABLE sealing_check ADD COLUMN superseded bytea[] NOT NULL DEFAULT '{}';

-- A caller's change, or a fallback to another issuer, is recorded once, however often it is told.
CREATE UNIQUE INDEX events_one_change ON events (certificate, at, type) WHERE type IN ('changed', 'fell_back');
