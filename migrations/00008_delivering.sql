-- +goose Up

-- Whether a step has contacted the target: it may have the certificate. One that never was is forgotten with the spec.
ALTER TABLE deliveries ADD COLUMN met boolean NOT NULL DEFAULT false;
DROP INDEX deliveries_host;
-- The sweep walks through a host's deliveries.
CREATE INDEX deliveries_host ON deliveries (host, certificate, target) WHERE failure IS NULL;

-- The steps that asked, by their request IDs, newest last, the last few: a late try of one does not overtake the later ones.
ALTER TABLE delivery_sequences DROP COLUMN asked, ADD COLUMN requests text[] NOT NULL DEFAULT '{}';

-- Whether the plan was moved and the workflow was not notified yet.
ALTER TABLE versions ADD COLUMN moved boolean NOT NULL DEFAULT false;
CREATE INDEX versions_moved ON versions (certificate) WHERE moved;
DROP INDEX versions_next_look;
-- A sweep walks through what is due in this order.
CREATE INDEX versions_next_look ON versions (next_look, certificate) WHERE next_look IS NOT NULL;
