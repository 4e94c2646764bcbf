-- Forward only: a mistake is mended by the next migration. Old code must still run before and after each one.
-- +goose Up

-- One row per certificate: what it is now. What happens next is Temporal's to know.
CREATE TABLE certificates (
    name            text PRIMARY KEY,
    spec            jsonb NOT NULL,
    phase           text NOT NULL CHECK (phase IN ('Issuing', 'Ready', 'Failing')),
    current_version uuid,
    failure         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- Certificate keys, sealed; apart from orders so that rights on them can be kept apart too.
CREATE TABLE keys (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sealed     bytea NOT NULL CHECK (octet_length(sealed) > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- An order is stored before the CA hears of it (planned) and its URL before anything else happens (placed).
CREATE TABLE orders (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    certificate  text NOT NULL REFERENCES certificates (name),
    issuance_key text NOT NULL,
    state        text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'placed', 'issued', 'abandoned')),
    issuer       text NOT NULL,
    profile      text NOT NULL,
    spec         jsonb NOT NULL,
    names        text[] NOT NULL CHECK (cardinality(names) > 0),
    -- SHA-256 of the sorted names: a hundred long names are more than an index entry holds.
    name_set     bytea NOT NULL CHECK (octet_length(name_set) = 32),
    csr          bytea NOT NULL,
    key_id       uuid NOT NULL DEFAULT gen_random_uuid() REFERENCES keys (id),
    url          text,
    expires      timestamptz,
    -- Why it was abandoned.
    reason       text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'placed' OR url IS NOT NULL)
);
-- The same issuance key never leads to a second certificate.
CREATE UNIQUE INDEX orders_one_per_key ON orders (certificate, issuance_key) WHERE state <> 'abandoned';
CREATE UNIQUE INDEX orders_one_in_flight ON orders (certificate) WHERE state IN ('planned', 'placed');
-- A CA answers a second newOrder for the same names with the first order: two certificates must not share one.
CREATE UNIQUE INDEX orders_one_in_flight_per_names ON orders (issuer, profile, name_set)
    WHERE state IN ('planned', 'placed');

-- Every certificate that was ever obtained.
CREATE TABLE versions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    certificate text NOT NULL REFERENCES certificates (name),
    order_id    uuid NOT NULL UNIQUE REFERENCES orders (id),
    issuer      text NOT NULL,
    issuer_cn   text NOT NULL,
    names       text[] NOT NULL,
    serial      text NOT NULL,
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL,
    ari_id      text NOT NULL,
    account_url text NOT NULL,
    chain_pem   text NOT NULL,
    renewal     jsonb,
    renew_at    timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX versions_certificate ON versions (certificate, created_at);
ALTER TABLE certificates ADD FOREIGN KEY (current_version) REFERENCES versions (id);

-- One ACME account per issuer and directory; its key is stored before the CA hears of it.
CREATE TABLE accounts (
    issuer     text NOT NULL,
    directory  text NOT NULL,
    url        text NOT NULL DEFAULT '',
    sealed_key bytea NOT NULL CHECK (octet_length(sealed_key) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, directory)
);

-- HTTP-01 tokens (RFC 8555 section 8.3). Two orders may share a pending authorization and so a token: each has its
-- own row, and what one removes the other keeps.
CREATE TABLE http_tokens (
    token             text NOT NULL,
    order_id          uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    key_authorization text NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token, order_id)
);
CREATE INDEX http_tokens_order ON http_tokens (order_id);

-- Append-only audit for people. It refers to nothing, so that it outlives what it tells of.
CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    certificate text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    type        text NOT NULL,
    detail      jsonb NOT NULL
);
CREATE INDEX events_certificate ON events (certificate, at);
-- A failure is recorded once, however often it is told.
CREATE UNIQUE INDEX events_one_failure ON events (certificate, at) WHERE type = 'failed';

-- A known text, sealed: tells a wrong sealing key at start instead of at the first renewal.
CREATE TABLE sealing_check (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW everleaf_certificates AS
SELECT c.name,
       c.phase,
       v.names,
       v.chain_pem,
       v.serial,
       v.not_before,
       v.not_after,
       v.issuer,
       v.issuer_cn,
       v.renew_at                                        AS next_renewal,
       v.renewal ->> 'reason'                            AS next_renewal_reason,
       c.failure #>> '{fault,kind}'                      AS failure_kind,
       c.failure #>> '{fault,reason}'                    AS failure_reason,
       c.failure #>> '{fault,message}'                   AS failure_message,
       (c.failure ->> 'attempts')::integer               AS failure_attempts,
       (c.failure ->> 'at')::timestamptz                 AS failed_at,
       (c.failure ->> 'retryAt')::timestamptz            AS retry_at,
       ARRAY(SELECT jsonb_array_elements_text(c.spec -> 'names')) AS requested_names,
       v.id                                              AS version,
       c.created_at,
       c.updated_at
FROM certificates c
LEFT JOIN versions v ON v.id = c.current_version;

COMMENT ON VIEW everleaf_certificates IS
    'One row per certificate, for other services to read: GRANT SELECT on this view is enough and shows no key. Columns are only ever added.';
COMMENT ON COLUMN everleaf_certificates.name IS 'The certificate''s name; its workflow is certificate/<name>.';
COMMENT ON COLUMN everleaf_certificates.phase IS
    'Issuing, Ready or Failing. A certificate may be in service in each of them: see not_after.';
COMMENT ON COLUMN everleaf_certificates.names IS 'DNS names of the certificate in service; NULL before the first.';
COMMENT ON COLUMN everleaf_certificates.chain_pem IS 'Chain in service, PEM, leaf first; NULL before the first.';
COMMENT ON COLUMN everleaf_certificates.serial IS 'Serial number in lower-case hexadecimal.';
COMMENT ON COLUMN everleaf_certificates.not_before IS 'Start of validity of the certificate in service.';
COMMENT ON COLUMN everleaf_certificates.not_after IS 'End of validity of the certificate in service.';
COMMENT ON COLUMN everleaf_certificates.issuer IS 'Configured name of the CA that issued it.';
COMMENT ON COLUMN everleaf_certificates.issuer_cn IS 'Common name of the signing certificate.';
COMMENT ON COLUMN everleaf_certificates.next_renewal IS 'Instant planned for its replacement; NULL until planned.';
COMMENT ON COLUMN everleaf_certificates.next_renewal_reason IS 'Stable word for why that instant was chosen.';
COMMENT ON COLUMN everleaf_certificates.failure_kind IS
    'Whose move it is after the last failure: RateLimited, Wait, Name, CA, Operator or Spec; NULL after a success.';
COMMENT ON COLUMN everleaf_certificates.failure_reason IS 'Stable word for what failed.';
COMMENT ON COLUMN everleaf_certificates.failure_message IS 'What failed and what to do, for people.';
COMMENT ON COLUMN everleaf_certificates.failure_attempts IS 'Failures since the last success.';
COMMENT ON COLUMN everleaf_certificates.failed_at IS 'Instant of the last failure.';
COMMENT ON COLUMN everleaf_certificates.retry_at IS 'Instant of the next attempt after a failure.';
COMMENT ON COLUMN everleaf_certificates.requested_names IS 'DNS names asked for; they differ from names until a change is issued.';
COMMENT ON COLUMN everleaf_certificates.version IS 'Changes whenever the certificate in service does.';
COMMENT ON COLUMN everleaf_certificates.created_at IS 'When the certificate was first heard of.';
COMMENT ON COLUMN everleaf_certificates.updated_at IS 'When the row last changed.';
