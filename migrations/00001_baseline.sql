-- Forward only: a mistake is corrected by the next migration. Old code must still run before and after each one.
-- +goose Up

-- The oldest binary that may work with this schema, by the schema version that it knows. While releases are rolled out,
-- binaries of both run on the newer schema: a migration raises this only if older code would do harm.
CREATE TABLE everleaf_compatibility (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    min_version bigint NOT NULL
);
INSERT INTO everleaf_compatibility (min_version) VALUES (1);

-- One row per certificate: what it is now. What happens next is in Temporal.
CREATE TABLE certificates (
    name            text PRIMARY KEY,
    -- What the certificate in service was issued for; before the first, what was asked for.
    spec            jsonb NOT NULL,
    -- What was asked for last, and how often that has changed, the first time among them; NULL and 0 before that.
    wanted          jsonb,
    generation      bigint NOT NULL DEFAULT 0,
    phase           text NOT NULL CHECK (phase IN ('Issuing', 'Ready', 'Failing')),
    current_version uuid,
    failure         jsonb,
    -- When the last request stored here was made, by the workflow's clock: one that comes late changes nothing.
    requested_at    timestamptz,
    -- What somebody asked for who retired it, whether its targets are to be cleared; NULL while it is to be kept in service.
    retirement      text CHECK (retirement IN ('Retiring', 'Clearing')),
    -- When its workflow ended: nobody renews it any more, and it does not count. NULL while it is kept in service.
    released_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
-- Lists by state: most certificates are kept and ready, and are found by their name.
CREATE INDEX certificates_not_ready ON certificates (phase, name) WHERE phase <> 'Ready' AND released_at IS NULL;
CREATE INDEX certificates_released ON certificates (name) WHERE released_at IS NOT NULL;
CREATE INDEX certificates_retiring ON certificates (name) WHERE retirement IS NOT NULL AND released_at IS NULL;

-- Finds the certificates of a declarative file.
CREATE INDEX certificates_fleet ON certificates ((wanted ->> 'fleet')) WHERE wanted ->> 'fleet' IS NOT NULL;

-- Certificate keys, sealed; apart from orders so that rights on them can be kept apart too. What is sealed begins with
-- the mark of the key that sealed it, nine octets. It is sealed for its certificate and ID, and opens nowhere else.
-- NULL is a key that was forgotten, since its sealing key is lost.
CREATE TABLE keys (
    id          uuid PRIMARY KEY,
    certificate text NOT NULL REFERENCES certificates (name),
    sealed      bytea CHECK (octet_length(sealed) > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (certificate, id)
);
-- Finds what an earlier sealing key has sealed.
CREATE INDEX keys_mark ON keys (substring(sealed FROM 1 FOR 9));

-- An order is stored before it is placed at the CA (planned) and its URL before anything else happens (placed).
CREATE TABLE orders (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    certificate  text NOT NULL REFERENCES certificates (name),
    -- The version that its certificate replaces, or "first".
    issuance_key text NOT NULL,
    state        text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'placed', 'issued', 'abandoned')),
    issuer       text NOT NULL,
    profile      text NOT NULL,
    spec         jsonb NOT NULL,
    names        text[] NOT NULL CHECK (cardinality(names) > 0),
    -- SHA-256 of the sorted names: a hundred long names are more than an index entry holds.
    name_set     bytea NOT NULL CHECK (octet_length(name_set) = 32),
    csr          bytea NOT NULL,
    key_id       uuid NOT NULL,
    url          text,
    expires      timestamptz,
    -- Why it was abandoned.
    reason       text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'placed' OR url IS NOT NULL),
    -- A key belongs to one certificate.
    FOREIGN KEY (certificate, key_id) REFERENCES keys (certificate, id)
);
-- The same issuance key never leads to a second certificate.
CREATE UNIQUE INDEX orders_one_per_key ON orders (certificate, issuance_key) WHERE state <> 'abandoned';
CREATE UNIQUE INDEX orders_one_in_flight ON orders (certificate) WHERE state IN ('planned', 'placed');
-- A CA answers a second newOrder for the same names with the first order: two certificates must not share one.
CREATE UNIQUE INDEX orders_one_in_flight_per_names ON orders (issuer, profile, name_set)
    WHERE state IN ('planned', 'placed');

-- Every certificate that was ever obtained.
CREATE TABLE versions (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    certificate       text NOT NULL REFERENCES certificates (name),
    order_id          uuid NOT NULL UNIQUE REFERENCES orders (id),
    issuer            text NOT NULL,
    issuer_cn         text NOT NULL,
    names             text[] NOT NULL,
    serial            text NOT NULL,
    not_before        timestamptz NOT NULL,
    not_after         timestamptz NOT NULL,
    ari_id            text NOT NULL,
    account_url       text NOT NULL,
    chain_pem         text NOT NULL,
    -- What it was issued for.
    key_type          text NOT NULL,
    profile           text NOT NULL,
    -- When it is to be replaced, and why; the instant once more, to sort by.
    renewal           jsonb,
    renew_at          timestamptz,
    -- When its CA is next asked when to renew it (RFC 9773 section 4.3), and how the last checks went.
    next_check         timestamptz DEFAULT now(),
    check_failures     integer NOT NULL DEFAULT 0,
    check_failure      text,
    -- Whether a sweep has moved the plan and has not notified the workflow yet.
    moved             boolean NOT NULL DEFAULT false,
    -- The request to revoke it: it is pending until revoked_at is set, and outlives the workflow.
    revoking          jsonb,
    -- When it was revoked, and why (RFC 5280 section 5.3.1).
    revoked_at        timestamptz,
    revocation_reason text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (certificate, id)
);
-- A certificate's version is its own, whatever the code does.
ALTER TABLE certificates ADD FOREIGN KEY (name, current_version) REFERENCES versions (certificate, id);
-- A sweep walks through what is due in this order.
CREATE INDEX versions_next_check ON versions (next_check, certificate) WHERE next_check IS NOT NULL;
CREATE INDEX versions_moved ON versions (certificate) WHERE moved;
CREATE INDEX versions_revoking ON versions (certificate) WHERE revoking IS NOT NULL AND revoked_at IS NULL;
-- Lists of what is revoked in service.
CREATE INDEX versions_revoked ON versions (certificate, id) WHERE revoked_at IS NOT NULL;
-- A client that asks by the name that it serves finds the certificate.
CREATE INDEX versions_names ON versions USING gin (names);

-- One ACME account per issuer and directory; its key is stored before it is sent to the CA.
CREATE TABLE accounts (
    issuer          text NOT NULL,
    directory       text NOT NULL,
    url             text NOT NULL DEFAULT '',
    sealed_key      bytea NOT NULL CHECK (octet_length(sealed_key) > 0),
    -- The contact that the CA has.
    contact         text NOT NULL DEFAULT '',
    -- A new key that is being rolled over to: it is stored before it is sent to the CA.
    next_sealed_key bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, directory)
);

-- HTTP-01 tokens (RFC 8555 section 8.3). Two orders may share a pending authorization and so a token: each has its
-- own row, and what one removes the other keeps. One without order is a person's, who looks whether a responder answers.
CREATE TABLE http_tokens (
    token             text NOT NULL,
    order_id          uuid REFERENCES orders (id) ON DELETE CASCADE,
    key_authorization text NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (token, order_id)
);
CREATE INDEX http_tokens_order ON http_tokens (order_id);

-- The TXT records that orders have put into DNS for DNS-01 (RFC 8555 section 8.4): a row is there before the record is, and
-- goes when the record is gone, so that what a kill left is known. No row goes with its order: an order whose records are
-- still in DNS cannot be deleted. Two orders may share a pending authorization and so a record: each has its own row, and
-- the one that goes last takes the record out of DNS.
CREATE TABLE dns_records (
    order_id   uuid NOT NULL REFERENCES orders (id),
    -- The configured zone that it was written into, and where in it; both in lower case without a dot at the end. By the zone it
    -- is removed, whatever zones are configured by then.
    zone       text NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, name, value, zone)
);
-- Finds other orders with the same record.
CREATE INDEX dns_records_record ON dns_records (name, value);

-- Validations that a CA has carried out and that failed: CAs count them by account and name, whichever certificate it was
-- for. Rows of more than an hour ago do not count.
CREATE TABLE failed_validations (
    issuer            text NOT NULL,
    name              text NOT NULL,
    authorization_url text NOT NULL,
    failed_at         timestamptz NOT NULL,
    PRIMARY KEY (issuer, name, authorization_url)
);
CREATE INDEX failed_validations_age ON failed_validations (failed_at);

-- The state of each certificate at each of its targets. The version is the one that the target has confirmed.
CREATE TABLE deliveries (
    certificate  text NOT NULL REFERENCES certificates (name),
    target       text NOT NULL,
    -- Where it is delivered from: the name after "@", empty for a target that every delivery worker reaches.
    host         text NOT NULL GENERATED ALWAYS AS (split_part(target, '@', 2)) STORED,
    -- Whether a step has contacted the target: it may have the certificate. A target that never was is forgotten with the spec.
    contacted    boolean NOT NULL DEFAULT false,
    version      uuid,
    confirmation text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    failure      jsonb,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (certificate, target),
    FOREIGN KEY (certificate, version) REFERENCES versions (certificate, id)
);
-- A sweep walks through a host's deliveries in this order.
CREATE INDEX deliveries_host ON deliveries (host, certificate, target) WHERE failure IS NULL;
-- How many deliveries fail is counted each minute.
CREATE INDEX deliveries_failed ON deliveries (certificate) WHERE failure IS NOT NULL;

-- What a target was asked last for a certificate, and its number: what is asked for later has a greater one, so that a try
-- that comes late is recognized. A row outlives its delivery: a late try is known after a removal as well.
CREATE TABLE delivery_sequences (
    certificate text NOT NULL,
    target      text NOT NULL,
    -- NULL for a removal.
    version     uuid,
    sequence    bigint NOT NULL,
    -- The IDs of the last few steps that asked, newest last.
    requests    text[] NOT NULL,
    PRIMARY KEY (certificate, target)
);

-- The one-time token by which the receiver of a webhook fetches a key; only its SHA-256 is kept. A certificate has one for
-- each target at most: a new one makes the earlier one void.
CREATE TABLE delivery_tokens (
    certificate text NOT NULL REFERENCES certificates (name),
    target      text NOT NULL,
    version     uuid NOT NULL,
    digest      bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    expires     timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (certificate, target),
    FOREIGN KEY (certificate, version) REFERENCES versions (certificate, id)
);

-- Audit for people, append-only but for the last request that changed nothing. It refers to nothing, so that it outlives what it is about.
CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    certificate text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    type        text NOT NULL,
    detail      jsonb NOT NULL
);
CREATE INDEX events_certificate ON events (certificate, at);
-- Each of these is recorded once, however often the step that records it is repeated.
CREATE UNIQUE INDEX events_one_request ON events (certificate, (detail ->> 'request')) WHERE detail ? 'request';
CREATE UNIQUE INDEX events_one_ensured ON events (certificate) WHERE type = 'ensured';
CREATE UNIQUE INDEX events_one_failure ON events (certificate, at, type) WHERE type IN ('failed', 'fell_back');
CREATE UNIQUE INDEX events_one_delivery ON events (certificate, (detail ->> 'target'), (detail ->> 'version'))
    WHERE type = 'delivered';
CREATE UNIQUE INDEX events_one_delivery_failure ON events (certificate, at, (detail ->> 'target')) WHERE type = 'delivery_failed';
-- A key that a client pulls again and again is noted once for each version.
CREATE UNIQUE INDEX events_one_pull ON events (certificate, (detail ->> 'version'), (detail ->> 'by'))
    WHERE type = 'exported' AND detail ->> 'through' = 'pull';

-- A known text, sealed: shows a wrong sealing key at start instead of at the first renewal.
CREATE TABLE sealing_check (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed     bytea NOT NULL,
    -- What earlier sealing keys have made of the known text, once another key has become the current one.
    superseded bytea[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The processes that run, as each describes itself, seen_at every few seconds. A process that stops removes its row; one
-- that was killed leaves it, and it does not count after a while. Nothing in it is secret.
CREATE TABLE processes (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    build      text NOT NULL,
    settings   jsonb NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

-- A certificate's state, in lists, metrics and the view alike. revoked_at is that of its version in service.
CREATE FUNCTION everleaf_state(phase text, retirement text, released_at timestamptz, revoked_at timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN released_at IS NOT NULL THEN 'Released' WHEN retirement IS NOT NULL THEN 'Retiring'
        WHEN revoked_at IS NOT NULL THEN 'Revoked' ELSE phase END;

CREATE VIEW everleaf_certificates AS
SELECT c.name,
       everleaf_state(c.phase, c.retirement, c.released_at, v.revoked_at) AS state,
       v.names,
       v.chain_pem,
       v.serial,
       v.not_before,
       v.not_after,
       v.issuer,
       v.issuer_cn,
       CASE WHEN c.retirement IS NULL AND c.released_at IS NULL THEN v.renew_at END AS next_renewal,
       CASE WHEN c.retirement IS NULL AND c.released_at IS NULL THEN v.renewal ->> 'reason' END AS next_renewal_reason,
       c.failure #>> '{fault,kind}'                      AS failure_kind,
       c.failure #>> '{fault,reason}'                    AS failure_reason,
       c.failure #>> '{fault,message}'                   AS failure_message,
       (c.failure ->> 'attempts')::integer               AS failure_attempts,
       (c.failure ->> 'at')::timestamptz                 AS failed_at,
       (c.failure ->> 'retryAt')::timestamptz            AS retry_at,
       -- In lax mode: one row that somebody has edited must not break every reader's query.
       ARRAY(SELECT jsonb_path_query(c.spec, 'lax $.names[*]') #>> '{}') AS requested_names,
       v.id                                              AS version,
       c.created_at,
       c.updated_at,
       c.released_at
FROM certificates c
LEFT JOIN versions v ON v.id = c.current_version;

COMMENT ON VIEW everleaf_certificates IS
    'One row per certificate, for other services to read: GRANT SELECT on this view is enough and shows no key. Columns are only ever added.';
COMMENT ON COLUMN everleaf_certificates.name IS 'The certificate''s name; its workflow is certificate/<name>.';
COMMENT ON COLUMN everleaf_certificates.state IS
    'Issuing, Ready, Failing, Revoked, Retiring or Released, as in a list. A certificate may be in service in each of them: see not_after.';
COMMENT ON COLUMN everleaf_certificates.names IS 'DNS names of the certificate in service; NULL before the first.';
COMMENT ON COLUMN everleaf_certificates.chain_pem IS 'Chain in service, PEM, leaf first; NULL before the first.';
COMMENT ON COLUMN everleaf_certificates.serial IS 'Serial number in lower-case hexadecimal.';
COMMENT ON COLUMN everleaf_certificates.not_before IS 'Start of validity of the certificate in service.';
COMMENT ON COLUMN everleaf_certificates.not_after IS 'End of validity of the certificate in service.';
COMMENT ON COLUMN everleaf_certificates.issuer IS 'Configured name of the CA that issued it.';
COMMENT ON COLUMN everleaf_certificates.issuer_cn IS 'Common name of the signing certificate.';
COMMENT ON COLUMN everleaf_certificates.next_renewal IS 'Instant planned for its replacement; NULL until planned, and once it is retired.';
COMMENT ON COLUMN everleaf_certificates.next_renewal_reason IS 'Stable word for why that instant was chosen.';
COMMENT ON COLUMN everleaf_certificates.failure_kind IS
    'Whose move it is after the last failure: RateLimited, Wait, Name, CA, Operator or Spec; NULL after a success.';
COMMENT ON COLUMN everleaf_certificates.failure_reason IS 'Stable word for what failed.';
COMMENT ON COLUMN everleaf_certificates.failure_message IS 'What failed and what to do, for people.';
COMMENT ON COLUMN everleaf_certificates.failure_attempts IS 'Failures since the last success.';
COMMENT ON COLUMN everleaf_certificates.failed_at IS 'Instant of the last failure.';
COMMENT ON COLUMN everleaf_certificates.retry_at IS 'Instant of the next attempt after a failure.';
COMMENT ON COLUMN everleaf_certificates.requested_names IS
    'DNS names as they were asked for: before the first certificate those that are wanted, then those of the one in service.';
COMMENT ON COLUMN everleaf_certificates.version IS 'Changes whenever the certificate in service does.';
COMMENT ON COLUMN everleaf_certificates.created_at IS 'When the certificate was asked for first.';
COMMENT ON COLUMN everleaf_certificates.updated_at IS 'When the row last changed.';
COMMENT ON COLUMN everleaf_certificates.released_at IS 'When its workflow ended: nobody renews it. NULL while it is kept in service.';

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
COMMENT ON COLUMN everleaf_deliveries.certificate IS 'The certificate''s name, as in everleaf_certificates.';
COMMENT ON COLUMN everleaf_deliveries.target IS 'The target''s name, with "@host" where it is on a host of its own.';
COMMENT ON COLUMN everleaf_deliveries.serial IS 'Serial number of what the target has confirmed; NULL before the first.';
COMMENT ON COLUMN everleaf_deliveries.delivered_at IS 'When it was confirmed last.';
COMMENT ON COLUMN everleaf_deliveries.confirmation IS 'What the target answered.';
COMMENT ON COLUMN everleaf_deliveries.current IS 'Whether the target has the certificate in service.';
COMMENT ON COLUMN everleaf_deliveries.failure_kind IS 'Whose move it is after the last failure; NULL after a success.';
COMMENT ON COLUMN everleaf_deliveries.failure_reason IS 'Stable word for what failed.';
COMMENT ON COLUMN everleaf_deliveries.failure_message IS 'What failed and what to do, for people.';
COMMENT ON COLUMN everleaf_deliveries.failure_attempts IS 'Failures since the last success.';
COMMENT ON COLUMN everleaf_deliveries.failed_at IS 'Instant of the last failure.';
COMMENT ON COLUMN everleaf_deliveries.retry_at IS 'Instant of the next attempt after a failure.';
COMMENT ON COLUMN everleaf_deliveries.version IS 'What the target has confirmed, as in everleaf_certificates.';
COMMENT ON COLUMN everleaf_deliveries.updated_at IS 'When the row last changed.';
