#!/bin/sh
# A company keeps books by hand, against a running sandbox (docs/books.md explains each step):
#   go run ./cmd/seyfert sandbox --dir world      (in another terminal)
#   sh examples/books.sh world               (another port than 7400: ... world 8400)
set -eu
WORLD=${1:-world} PORT=${2:-7400}
NODE=http://seoul.localhost:$((PORT + 1))
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
first() { sed -n "s/^[^i]*\"id\":\"\([^\"]*\)\".*/\1/p"; }
send() { curl -sS -X "$1" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
  "$NODE$2" -d "$3"; }
get() { curl -sS -H "Authorization: Bearer $KEY" "$NODE$1"; }
say() { printf '\n# %s\n' "$1"; }

say 'the operator opens a company; its key is shown once'
KEY=$(cat "$WORLD/seoul/operator.key")
KEY=$(send POST /v1/companies '{"name": "Kanda Pay"}' | field api_key)

say 'a chart of accounts'
CASH=$(send POST /v1/accounts \
  '{"code": 1000, "kind": "asset", "currency": "KRW", "name": "Money at the bank"}' | first)
ALICE=$(send POST /v1/accounts \
  '{"code": 2000, "kind": "liability", "currency": "KRW", "flags": ["no_overdraft"],
    "metadata": {"customer": "1001"}}' | first)
SHOP=$(send POST /v1/accounts \
  '{"code": 2100, "kind": "liability", "currency": "KRW", "flags": ["no_overdraft"]}' | first)
FEES=$(send POST /v1/accounts '{"code": 4000, "kind": "income", "currency": "KRW"}' | first)
get /v1/accounts?code=2000

say 'Alice brings 100,000 won; the same request again gets the same answer'
for _ in once again; do
  curl -sS -X POST -H "Authorization: Bearer $KEY" -H 'Idempotency-Key: deposit-1001-1' \
    -H 'Content-Type: application/json' "$NODE/v1/transfers" -d '{
      "debit": "'"$CASH"'", "credit": "'"$ALICE"'",
      "amount": {"currency": "KRW", "value": "100000"},
      "code": 1, "reference": "deposit 1001-1"}'
done

say 'another amount under the same key is a conflict that names the field'
curl -sS -X POST -H "Authorization: Bearer $KEY" -H 'Idempotency-Key: deposit-1001-1' \
  -H 'Content-Type: application/json' "$NODE/v1/transfers" -d '{
    "debit": "'"$CASH"'", "credit": "'"$ALICE"'",
    "amount": {"currency": "KRW", "value": "200000"},
    "code": 1, "reference": "deposit 1001-1"}'

say 'a purchase: hold 30,000, then take 25,000 of it and a fee of 250'
HOLD=$(send POST /v1/holds '{"debit": "'"$ALICE"'", "credit": "'"$SHOP"'",
  "amount": {"currency": "KRW", "value": "30000"}, "expires_at": "2099-01-01T00:00:00Z"}' | field id)
PAID=$(send POST "/v1/holds/$HOLD/capture" '{"amount": {"currency": "KRW", "value": "25000"},
  "legs": [{"debit": "'"$SHOP"'", "credit": "'"$FEES"'",
    "amount": {"currency": "KRW", "value": "250"}}], "reference": "order 7"}')
echo "$PAID"
get "/v1/holds/$HOLD"

say 'she cannot spend more than she has'
send POST /v1/transfers '{"debit": "'"$ALICE"'", "credit": "'"$SHOP"'",
  "amount": {"currency": "KRW", "value": "80000"}}'

say 'many at once, each for itself'
send POST /v1/transfers/bulk '{"mode": "each", "items": [
  {"debit": "'"$ALICE"'", "credit": "'"$SHOP"'", "amount": {"currency": "KRW", "value": "1000"}},
  {"debit": "'"$ALICE"'", "credit": "'"$SHOP"'", "amount": {"currency": "KRW", "value": "99000"}},
  {"debit": "'"$SHOP"'", "credit": "'"$FEES"'", "amount": {"currency": "KRW", "value": "10"}}]}'

say 'limits: from now on 5,000 won an hour'
send PATCH "/v1/accounts/$ALICE" '{"limits": {"velocity": {"period_seconds": 3600,
  "amount": {"currency": "KRW", "value": "5000"}}}}' >/dev/null
send POST /v1/transfers '{"debit": "'"$ALICE"'", "credit": "'"$SHOP"'",
  "amount": {"currency": "KRW", "value": "5001"}}'

say 'an entry of last year, told only now'
send POST /v1/transfers '{"debit": "'"$CASH"'", "credit": "'"$ALICE"'",
  "amount": {"currency": "KRW", "value": "500"}, "effective_at": "2025-12-31T23:00:00Z"}' >/dev/null
get "/v1/accounts/$ALICE/balance?effective_at=2026-01-01T00:00:00Z"
get "/v1/accounts/$ALICE/balance"

say 'yen for won, at a rate that is checked and recorded'
CASH_JPY=$(send POST /v1/accounts '{"kind": "asset", "currency": "JPY"}' | first)
POSITION_KRW=$(send POST /v1/accounts '{"kind": "asset", "currency": "KRW"}' | first)
POSITION_JPY=$(send POST /v1/accounts '{"kind": "asset", "currency": "JPY"}' | first)
send POST /v1/exchanges '{"fixed": "buy",
  "sell": {"debit": "'"$POSITION_KRW"'", "credit": "'"$CASH"'"},
  "buy": {"debit": "'"$CASH_JPY"'", "credit": "'"$POSITION_JPY"'",
    "amount": {"currency": "JPY", "value": "1000"}},
  "rate": {"base": "JPY", "quote": "KRW", "value": "9.125", "rounding": "half_even"}}'

say 'what happened under a reference, and its undoing'
DONE=$(get '/v1/transfers?reference=order+7' | first)
send POST "/v1/transfers/$DONE/reverse" '{"reference": "order 7 undone"}' >/dev/null
get "/v1/transfers/$DONE"

say 'a statement, newest first'
get "/v1/accounts/$ALICE/entries?limit=3"

say 'metadata has versions'
send PUT "/v1/metadata/$DONE" '{"metadata": {"ticket": "42"}}'
get "/v1/metadata/$DONE"
