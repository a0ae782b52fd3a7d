#!/bin/sh
# One push payment by hand, against a running sandbox:
#   go run ./cmd/seyfert sandbox --dir world      (in another terminal)
#   sh examples/checkout.sh world            (another port than 7400: ... world 8400)
set -eu
WORLD=${1:-world} PORT=${2:-7400}
SEOUL=http://seoul.localhost:$((PORT + 1)) TOKYO=http://tokyo.localhost:$((PORT + 2))
SEOUL_KEY=$(cat "$WORLD/seoul/operator.key") TOKYO_KEY=$(cat "$WORLD/tokyo/operator.key")
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
post() { curl -sS --fail-with-body -X POST -H "Authorization: Bearer $1" \
  -H 'Content-Type: application/json' "$2" -d "$3"; }
get() { curl -sS --fail-with-body -H "Authorization: Bearer $1" "$2"; }

# The operator of tokyo opens a company: its API key is shown once.
SHOP_KEY=$(post "$TOKYO_KEY" "$TOKYO/v1/companies" '{"name": "My first shop"}' | field api_key)

# The operator of seoul signs a customer in: a one-time code becomes a session.
MEMBER=$(get "$SEOUL_KEY" "$SEOUL/v1/members" | field id)
CODE=$(post "$SEOUL_KEY" "$SEOUL/v1/members/$MEMBER/sign-in" '{}' | field code)
SESSION=$(post '' "$SEOUL/v1/sessions" "{\"code\": \"$CODE\"}" | field session)

# The shop asks for KRW 15,000. Claims must be signed with the key that the offer names.
PAYEE=$(go run ./examples/claim -key "$WORLD/my-shop.key")
OFFER=$(post "$SHOP_KEY" "$TOKYO/v1/offers" '{"amount": {"currency": "KRW", "value": "15000"},
  "payee_key": "'"$PAYEE"'", "expires_in": 180}' | field offer)

# The customer orders at her own node: the money is held, the receipt is sealed.
RECEIPT=$(post "$SESSION" "$SEOUL/v1/orders" "{\"offer\": \"$OFFER\"}" | field receipt)
echo "the shop holds this, and can't read it: $RECEIPT"

# The shop claims through its own node; the nodes settle it between them.
CLAIM=$(go run ./examples/claim -key "$WORLD/my-shop.key" -offer "$OFFER" -receipt "$RECEIPT")
PAID=$(post "$SHOP_KEY" "$TOKYO/v1/claims" "$CLAIM")
echo "$PAID"
TRANSFER=$(echo "$PAID" | field transfer)
get "$SHOP_KEY" "$TOKYO/v1/wallet"

# Close the day on both nodes with a block over their anchors, as the page's button does, and
# take the proof away.
curl -sS -X POST "http://localhost:$PORT/close-day" >/dev/null
tries=50
until get "$SEOUL_KEY" "$SEOUL/v1/transfers/$TRANSFER/proof" >"$WORLD/proof.json" 2>/dev/null; do
  tries=$((tries - 1))
  test $tries -gt 0 || { cat "$WORLD/proof.json"; exit 1; }
  sleep 0.2
done
curl -sS "$SEOUL/v1/chain/headers" >"$WORLD/headers"
go run ./cmd/seyfert verify "$WORLD/proof.json" --headers "$WORLD/headers"
