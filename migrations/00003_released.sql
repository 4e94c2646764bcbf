-- +goose Up

-- When somebody ended the certificate's workflow: nobody renews it any more, and it counts no more. NULL while it is kept.
ALTER TABLE certificates ADD COLUMN released_at timestamptz;

CREATE OR REPLACE VIEW everleaf_certificates AS
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
       c.updated_at,
       c.released_at
FROM certificates c
LEFT JOIN versions v ON v.id = c.current_version;

COMMENT ON COLUMN everleaf_certificates.released_at IS
    'When its workflow was cancelled: nobody renews it. NULL while it is kept.';
