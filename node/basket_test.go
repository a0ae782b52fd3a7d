package node_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/node"
	"seyfert/payment"
	"seyfert/wire"

	"github.com/google/go-cmp/cmp"
)

// goods are a basket of 7,654,321 won, with texts and prices that stand nowhere by accident.
func goods() []node.Line {
	return []node.Line{
		{Text: "Hair tonic against baldness", Amount: money.New(money.KRW, 4_321_098)},
		{Text: "The Art of Losing Lawsuits", Amount: money.New(money.KRW, 3_333_223)},
	}
}

// sell makes an offer of a basket.
func (p person) sell(won uint64, lines []node.Line) (node.Offer, error) {
	return p.at.node.CreateOffer(context.Background(), p.caller, node.Request{},
		node.OfferRequest{
			Amount: money.New(money.KRW, won), Basket: lines, PayeeKey: keyText(p),
		})
}

// TestPayersNodeLearnsNoBasket reads every byte that the payer's node got and journalled in a
// checkout. There is no line of the basket in it, and no salt to try lines out with.
func TestPayersNodeLearnsNoBasket(t *testing.T) {
	s := newScene(t, 10_000_000, "seoul", "tokyo")
	seoul, tokyo := s.actors[0], s.actors[1]
	customer, shop := seoul.customer("Kim", 9_000_000), tokyo.shop("Kanda Paper")
	offer, err := shop.sell(7_654_321, goods())
	must(t, err)

	public, err := tokyo.node.Offer(offer.ID)
	must(t, err)
	fetched, err := json.Marshal(public)
	must(t, err)
	order := customer.approve(public)
	claim := shop.claim(offer, order.Receipt)
	shop.submit(claim)
	s.settle()
	if state := shop.state(claim); state != core.ClaimPaid {
		t.Fatalf("the claim is %s", state)
	}
	again, err := tokyo.node.Messages(seoul.did, 1) // what a peer may fetch once more
	must(t, err)
	if len(again) == 0 {
		t.Fatal("tokyo sent nothing")
	}

	payers := map[string][]byte{
		"the fetched offer":     fetched,
		"the signed offer":      []byte(public.JWS),
		"peer messages":         seoul.received,
		"messages fetched anew": []byte(strings.Join(again, " ")),
		"its journal":           bytes.Join(seoul.journal.Entries(), nil),
	}
	salt, err := hex.DecodeString(offer.Salt)
	must(t, err)
	secrets := []string{offer.Salt, string(salt)}
	for _, line := range goods() {
		secrets = append(secrets, line.Text, line.Amount.Minor())
	}
	for where, data := range payers {
		// The shop's name is in the offer: a search that misses it would miss the lines too.
		if !holds(data, "Kanda Paper") {
			t.Errorf("the search does not see into %s", where)
		}
		for _, secret := range secrets {
			if holds(data, secret) {
				t.Errorf("%s: %q", where, secret)
			}
		}
	}
	for _, line := range goods() {
		if !holds(bytes.Join(tokyo.journal.Entries(), nil), line.Text) {
			t.Errorf("the search does not find %q at the shop's node", line.Text)
		}
	}
}

// holds looks for a text in data, also inside base64 that is up to three deep: a message is a
// JWS with a claim in it, which holds the offer's JWS.
func holds(data []byte, text string) bool {
	wanted := []string{text}
	for range 4 {
		var inside []string
		for _, w := range wanted {
			if bytes.Contains(data, []byte(w)) {
				return true
			}
			inside = append(inside, inBase64(w)...)
		}
		wanted = inside
	}
	return false
}

// inBase64 is how a text looks inside a longer base64 text: its place among the groups of three
// bytes is not known, and its first and last letters may mix with what is beside it.
func inBase64(text string) (forms []string) {
	for before, mixed := range []int{0, 2, 3} {
		padded := append(make([]byte, before), text...)
		for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
			form := encoding.EncodeToString(padded)[mixed:]
			if len(padded)%3 != 0 {
				form = form[:len(form)-1]
			}
			forms = append(forms, form)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// TestBasketIsProvable: the company gets lines and salt, and they give the hash that the node
// signed. The checkout page gets the lines, the public nothing.
func TestBasketIsProvable(t *testing.T) {
	s := newScene(t, 1, "tokyo")
	tokyo := s.actors[0]
	shop := tokyo.shop("Kanda Paper")
	made, err := shop.sell(7_654_321, goods())
	must(t, err)
	own, err := tokyo.node.Offers(shop.caller, 1)
	must(t, err)
	amounts := cmp.Comparer(func(a, b money.Amount) bool { return a == b })
	if diff := cmp.Diff([]node.Offer{made}, own, amounts); diff != "" {
		t.Errorf("made and listed differ: %s", diff)
	}
	var salt [16]byte
	if n, err := hex.Decode(salt[:], []byte(made.Salt)); err != nil || n != len(salt) {
		t.Fatalf("the salt is %q", made.Salt)
	}
	var lines []payment.Line
	for _, line := range made.Basket {
		lines = append(lines, payment.Line{Text: line.Text, Value: line.Amount.Minor()})
	}
	hash := payment.BasketHash(salt, lines)
	if signed := signedBasket(t, made.JWS); signed != hex.EncodeToString(hash[:]) {
		t.Errorf("basket and salt do not give the signed hash %s", signed)
	}

	page, err := tokyo.node.OfferPage(made.ID)
	must(t, err)
	public, err := tokyo.node.Offer(made.ID)
	must(t, err)
	want := made
	if want.Salt = ""; !cmp.Equal(want, page, amounts) {
		t.Errorf("the page shows %+v", page)
	}
	if want.Basket = nil; !cmp.Equal(want, public, amounts) {
		t.Errorf("the public sees %+v", public)
	}
	if _, err := tokyo.node.OfferPage("off_01M7Q5CQG0EG494N32ME2JRC65"); err == nil {
		t.Error("a page of an offer that is not there")
	}

	twin, err := shop.sell(7_654_321, goods())
	must(t, err)
	if signedBasket(t, twin.JWS) == signedBasket(t, made.JWS) {
		t.Error("two offers of one basket can be told to be of one basket")
	}
	silent, err := shop.sell(7_654_321, nil)
	must(t, err)
	if silent.Basket != nil || silent.Salt != "" || signedBasket(t, silent.JWS) != "" {
		t.Errorf("an offer without a basket: %+v", silent)
	}
}

func signedBasket(t *testing.T, text string) string {
	t.Helper()
	jws, err := wire.ParseJWS(text)
	must(t, err)
	offer, err := payment.ParseOffer(jws.Payload)
	must(t, err)
	return offer.BasketHash
}

func TestBasketsRefused(t *testing.T) {
	shop := newScene(t, 1, "tokyo").actors[0].shop("Kanda Paper")
	line := func(text string, won uint64) node.Line {
		return node.Line{Text: text, Amount: money.New(money.KRW, won)}
	}
	for name, lines := range map[string][]node.Line{
		"too little":       {line("Paper", 999)},
		"too much":         {line("Paper", 1001)},
		"no text":          {line("", 1000)},
		"no UTF-8":         {line("Paper\xff", 1000)},
		"another currency": {{Text: "Paper", Amount: money.New(money.JPY, 1000)}},
		"no currency":      {{Text: "Paper"}},
		"too many lines":   slices.Repeat([]node.Line{line("x", 0)}, payment.BasketMax+1),
		"too many bytes":   slices.Repeat([]node.Line{line(strings.Repeat("x", 500), 0)}, 17),
	} {
		_, err := shop.sell(1000, lines)
		if f, ok := fault.Of(err); !ok || f.Field != "basket" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBasketOfAnotherOffer: the state machine itself holds that lines and salt are those of the
// signed hash, whatever the shell proposes.
func TestBasketOfAnotherOffer(t *testing.T) {
	s := newScene(t, 1, "tokyo")
	tokyo := s.actors[0]
	shop := tokyo.shop("Kanda Paper")
	for name, test := range map[string]struct {
		lines []node.Line
		forge func(body *core.CreateOffer)
	}{
		"another line":     {goods(), func(b *core.CreateOffer) { b.Basket[0].Text += "!" }},
		"another sum":      {goods(), func(b *core.CreateOffer) { b.Basket = b.Basket[:1] }},
		"another salt":     {goods(), func(b *core.CreateOffer) { b.Salt[15] ^= 1 }},
		"no salt":          {goods(), func(b *core.CreateOffer) { b.Salt = [16]byte{} }},
		"no basket":        {goods(), func(b *core.CreateOffer) { b.Basket = nil }},
		"nothing at all":   {goods(), func(b *core.CreateOffer) { b.Basket, b.Salt = nil, [16]byte{} }},
		"a salt of naught": {nil, func(b *core.CreateOffer) { b.Salt[0] = 1 }},
		"a sudden basket": {nil, func(b *core.CreateOffer) {
			b.Basket, b.Salt = []payment.Line{{Text: "x", Value: "7654321"}}, [16]byte{1}
		}},
	} {
		var command journal.Command
		tokyo.drop = func(c journal.Command) bool {
			command = c
			return c.Kind == core.KindCreateOffer
		}
		_, err := shop.sell(7_654_321, test.lines)
		tokyo.drop = nil
		if err == nil {
			t.Fatal("the command was not dropped")
		}
		var body core.CreateOffer
		must(t, wire.Unmarshal(command.Body, &body))
		test.forge(&body)
		command.Body = wire.MustMarshal(body)
		result, err := tokyo.journal.Propose(context.Background(), command)
		must(t, err)
		if result.Fault == nil || result.Fault.Field != "basket" {
			t.Errorf("%s: %v", name, result.Fault)
		}
	}
	if own, err := tokyo.node.Offers(shop.caller, 1); err != nil || len(own) != 0 {
		t.Errorf("forged offers are kept: %v %v", own, err)
	}
}
