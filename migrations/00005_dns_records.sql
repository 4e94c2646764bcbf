-- +goose Up

-- The TXT records that orders have put into DNS for DNS-01 (RFC 8555 section 8.4): a row is there before the record is, and
-- goes when the record is gone, so that whoever comes after a kill knows what is left. No row goes with its order: an order
-- whose records are still in DNS cannot be deleted. Two orders may share a pending authorization and so a record: each has
-- its own row, and the one that goes last takes the record out of DNS.
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
-- Who else has put the same record.
CREATE INDEX dns_records_record ON dns_records (name, value);
