-- The read model of a node's books, version 1. Amounts are whole minor units; scale is the number
-- of decimals of the currency. Only `seyfert export postgres` writes here.

CREATE TABLE export (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    format      text        NOT NULL,
    version     integer     NOT NULL,
    node        text        NOT NULL,
    scope       text        NOT NULL,
    next_entry  bigint      NOT NULL DEFAULT 1,
    next_detail bigint      NOT NULL DEFAULT 1,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE export IS 'Whose books these are, and how far the copy has come';

CREATE TABLE entries (
    number         bigint        PRIMARY KEY,
    journal_index  bigint        NOT NULL,
    recorded_at    timestamptz   NOT NULL,
    effective_at   timestamptz   NOT NULL,
    expires_at     timestamptz,
    kind           text          NOT NULL,
    code           integer       NOT NULL,
    leg            integer       NOT NULL,
    transfer_id    text,
    hold_id        text,
    reverses       text,
    rest_held      boolean       NOT NULL,
    debit_account  text,
    credit_account text,
    currency       text          NOT NULL,
    scale          smallint      NOT NULL,
    amount         numeric(39,0) NOT NULL,
    debit_balance  numeric(39,0),
    credit_balance numeric(39,0)
);
CREATE INDEX entries_debit ON entries (debit_account, number);
CREATE INDEX entries_credit ON entries (credit_account, number);
CREATE INDEX entries_transfer ON entries (transfer_id);
CREATE INDEX entries_recorded ON entries USING brin (recorded_at);
CREATE INDEX entries_effective ON entries USING brin (effective_at);
COMMENT ON TABLE entries IS 'History: each leg of a transfer and each change of a hold';

CREATE TABLE transfers (
    id           text        PRIMARY KEY,
    first_entry  bigint      NOT NULL,
    legs         integer     NOT NULL,
    code         integer     NOT NULL,
    recorded_at  timestamptz NOT NULL,
    effective_at timestamptz NOT NULL,
    hold_id      text,
    reverses     text,
    reversed_by  text
);
CREATE INDEX transfers_recorded ON transfers USING brin (recorded_at);
COMMENT ON TABLE transfers IS 'Transfers; their legs are entries with the same transfer_id';

CREATE TABLE holds (
    id             text          PRIMARY KEY,
    entry          bigint        NOT NULL,
    code           integer       NOT NULL,
    debit_account  text,
    credit_account text,
    currency       text          NOT NULL,
    scale          smallint      NOT NULL,
    amount         numeric(39,0) NOT NULL,
    captured       numeric(39,0) NOT NULL DEFAULT 0,
    state          text          NOT NULL,
    expires_at     timestamptz,
    recorded_at    timestamptz   NOT NULL,
    ended_at       timestamptz
);
CREATE INDEX holds_live ON holds (debit_account, credit_account) WHERE ended_at IS NULL;
COMMENT ON TABLE holds IS 'Holds: held or bound while they live, then captured, voided or expired';

CREATE TABLE accounts (
    id             text          PRIMARY KEY,
    owner          text          NOT NULL,
    purpose        text          NOT NULL,
    code           integer       NOT NULL,
    kind           text          NOT NULL,
    currency       text          NOT NULL,
    scale          smallint      NOT NULL,
    name           text          NOT NULL,
    flags          text[]        NOT NULL,
    limits         jsonb         NOT NULL,
    created_at     timestamptz   NOT NULL,
    debits_posted  numeric(39,0) NOT NULL DEFAULT 0,
    credits_posted numeric(39,0) NOT NULL DEFAULT 0,
    balance        numeric(39,0) NOT NULL DEFAULT 0,
    last_entry     bigint
) WITH (fillfactor = 70);
COMMENT ON TABLE accounts IS 'Accounts; sums and balance are those after last_entry';

CREATE TABLE metadata (
    subject     text        NOT NULL,
    version     bigint      NOT NULL,
    reference   text        NOT NULL,
    metadata    jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (subject, version)
);
CREATE INDEX metadata_reference ON metadata (reference) WHERE reference <> '';
COMMENT ON TABLE metadata IS 'Every version of the metadata of an account, transfer or hold';

CREATE FUNCTION major(units numeric, scale smallint) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT round(units * power(10::numeric, -scale), scale) $$;
COMMENT ON FUNCTION major IS 'An amount in major units, exactly: major(124050, 2) is 1240.50';

CREATE VIEW balances AS
SELECT a.id, a.owner, a.code, a.kind, a.name, a.currency, a.scale, a.balance,
       a.debits_posted, a.credits_posted,
       coalesce(d.held, 0) AS debits_pending, coalesce(c.held, 0) AS credits_pending,
       major(a.balance, a.scale) AS balance_major
FROM accounts a
LEFT JOIN (SELECT debit_account AS id, sum(amount - captured) AS held
           FROM holds WHERE ended_at IS NULL GROUP BY debit_account) d USING (id)
LEFT JOIN (SELECT credit_account AS id, sum(amount - captured) AS held
           FROM holds WHERE ended_at IS NULL GROUP BY credit_account) c USING (id);
COMMENT ON VIEW balances IS 'The four balances of each account';

CREATE VIEW current_metadata AS
SELECT DISTINCT ON (subject) subject, version, reference, metadata, recorded_at
FROM metadata ORDER BY subject, version DESC;
COMMENT ON VIEW current_metadata IS 'The newest version of each metadata';
