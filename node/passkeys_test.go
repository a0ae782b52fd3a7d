package node_test

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/passkey"
)

// door is a node with its ceremonies, a member who signed up there, and her device.
type door struct {
	*scene
	at     *actor
	keys   *node.Passkeys
	device *device
	caller node.Caller
}

func newDoor(t *testing.T) *door {
	t.Helper()
	s := newScene(t, 1_000_000, "seoul")
	d := &door{scene: s, at: s.actors[0], device: newDevice(t, "first")}
	var err error
	d.keys, err = d.at.node.Passkeys(siteOfTests)
	must(t, err)
	c, err := d.keys.BeginSignUp("김하늘")
	must(t, err)
	session, err := d.keys.SignUp(context.Background(), c.ID, d.device.create(c))
	must(t, err)
	d.caller, err = d.at.node.Authenticate(string(session))
	must(t, err)
	return d
}

func (d *door) signIn() node.Caller {
	d.t.Helper()
	c, err := d.keys.BeginSignIn()
	must(d.t, err)
	session, err := d.keys.SignIn(context.Background(), c.ID, d.device.sign(c))
	must(d.t, err)
	caller, err := d.at.node.Authenticate(string(session))
	must(d.t, err)
	return caller
}

// fund gives the member so many won.
func (d *door) fund(won uint64) {
	d.t.Helper()
	ctx := context.Background()
	_, err := d.at.node.OpenVirtualAccount(ctx, d.at.operator, node.Request{}, node.VirtualAccount{
		Rail: "bank", Bank: "hana", Number: "1", Currency: "KRW", Owner: d.caller.ID,
	})
	must(d.t, err)
	_, err = d.at.node.TakeNotice(ctx, node.Notice{
		Rail: "bank", ID: "n1", Bank: "hana", Number: "1", Amount: money.New(money.KRW, won),
	})
	must(d.t, err)
}

func wantField(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	refused, ok := fault.Of(err)
	if !ok || refused.Code != code || refused.Field != field {
		t.Errorf("want %v of %q, have %v", code, field, err)
	}
}

// TestPasskeyCeremonies: an answer is for one ceremony, once and in its time.
func TestPasskeyCeremonies(t *testing.T) {
	d, ctx := newDoor(t), context.Background()
	member, err := d.at.node.Member(d.caller, d.caller.ID)
	must(t, err)
	if member.Name != "김하늘" || d.signIn().ID != member.ID {
		t.Errorf("signed up as %+v", member)
	}
	c, err := d.keys.BeginSignIn()
	must(t, err)
	answer := d.device.sign(c)
	_, err = d.keys.SignIn(ctx, c.ID, answer)
	must(t, err)
	_, err = d.keys.SignIn(ctx, c.ID, answer)
	wantField(t, err, fault.Refused, "ceremony")
	other, err := d.keys.BeginSignIn()
	must(t, err)
	_, err = d.keys.SignIn(ctx, other.ID, answer)
	wantField(t, err, fault.Refused, "passkey")
	late, err := d.keys.BeginSignIn()
	must(t, err)
	answer = d.device.sign(late)
	d.later(passkey.CeremonyLife)
	_, err = d.keys.SignIn(ctx, late.ID, answer)
	wantField(t, err, fault.Refused, "ceremony")
	for _, id := range []string{"", "x", hex.EncodeToString(make([]byte, 16))} {
		_, err = d.keys.SignIn(ctx, id, answer)
		wantField(t, err, fault.Refused, "ceremony")
	}
	_, err = d.keys.BeginSignUp(" \x00")
	wantField(t, err, fault.Invalid, "name")
	if _, err := d.at.node.Passkeys("http://127.0.0.1:1"); err == nil {
		t.Error("passkeys at a plain address")
	}
}

// TestPasskeyApproval: the passkey approves what was drafted, for whoever drafted it.
func TestPasskeyApproval(t *testing.T) {
	d, ctx := newDoor(t), context.Background()
	d.fund(50_000)
	shop := d.at.shop("Here")
	first, second := shop.offer(15_000), shop.offer(16_000)
	_, err := d.at.node.Approve(ctx, d.caller, node.Request{}, first.JWS)
	wantField(t, err, fault.Forbidden, "passkey") // not by session, though it is regtest
	c, err := d.keys.BeginApprove(d.caller, first.JWS)
	must(t, err)
	if allowed := d.device.read(c).Allowed; len(allowed) != 1 ||
		allowed[0].ID != text64(d.device.id) {
		t.Errorf("asks for %+v", allowed)
	}
	again := d.signIn()
	_, err = d.keys.Approve(ctx, again, c.ID, d.device.sign(c))
	wantField(t, err, fault.Forbidden, "")
	c, err = d.keys.BeginApprove(d.caller, first.JWS)
	must(t, err)
	other, err := d.keys.BeginApprove(d.caller, second.JWS)
	must(t, err)
	_, err = d.keys.Approve(ctx, d.caller, other.ID, d.device.sign(c))
	wantField(t, err, fault.Refused, "passkey")
	order, err := d.keys.Approve(ctx, d.caller, c.ID, d.device.sign(c))
	must(t, err)
	if order.State != "held" || order.Amount != first.Amount {
		t.Errorf("order %+v", order)
	}
	c, err = d.keys.BeginApprove(d.caller, first.JWS)
	must(t, err)
	_, err = d.keys.Approve(ctx, d.caller, c.ID, d.device.sign(c))
	wantField(t, err, fault.Conflict, "offer")
	c, err = d.keys.BeginApprove(d.caller, second.JWS)
	must(t, err)
	d.later(4 * time.Minute) // the offer is over, the ceremony not
	_, err = d.keys.Approve(ctx, d.caller, c.ID, d.device.sign(c))
	if refused, ok := fault.Of(err); !ok || refused.Code != fault.Refused {
		t.Errorf("after the offer's time: %v", err)
	}
}

// TestPasskeyCopy: a counter that goes back is refused, and the log says so and not of whom.
func TestPasskeyCopy(t *testing.T) {
	d, ctx := newDoor(t), context.Background()
	d.signIn()
	d.device.counter = 0
	c, err := d.keys.BeginSignIn()
	must(t, err)
	_, err = d.keys.SignIn(ctx, c.ID, d.device.sign(c))
	wantField(t, err, fault.Unauthenticated, "counter")
	d.device.origin = "http://evil.localhost:1"
	c, err = d.keys.BeginSignIn()
	must(t, err)
	_, err = d.keys.SignIn(ctx, c.ID, d.device.sign(c))
	wantField(t, err, fault.Refused, "passkey")
	said := d.at.log.String()
	if !strings.Contains(said, "counter went back") || !strings.Contains(said, "was refused") {
		t.Errorf("the log says %s", said)
	}
	for _, secret := range []string{
		d.caller.ID, "김하늘", text64(d.device.id), hex.EncodeToString(d.device.id),
		text64(d.device.user), string(d.device.id),
	} {
		if strings.Contains(said, secret) {
			t.Errorf("the log names %q: %s", secret, said)
		}
	}
}

// TestMeans: what signs a member in, changed by passkey, recovery codes and sign-outs.
func TestMeans(t *testing.T) {
	d, ctx := newDoor(t), context.Background()
	codes, err := d.at.node.NewRecoveryCodes(ctx, d.caller)
	must(t, err)
	d.later(6 * time.Minute)
	_, err = d.at.node.NewRecoveryCodes(ctx, d.caller)
	wantField(t, err, fault.Forbidden, "session")
	secret, err := d.at.node.Recover(ctx, string(codes[3]))
	must(t, err)
	_, err = d.at.node.Recover(ctx, string(codes[3]))
	wantField(t, err, fault.Unauthenticated, "code")
	_, err = d.at.node.Authenticate(string(secret))
	wantField(t, err, fault.Unauthenticated, "Authorization")
	by, err := d.at.node.Recovering(string(secret))
	must(t, err)
	c, err := d.keys.BeginAdd(by)
	must(t, err)
	fresh := newDevice(t, "second")
	answer := fresh.create(c)
	wantField(t, d.keys.Add(ctx, d.caller, c.ID, answer), fault.Forbidden, "")
	c, err = d.keys.BeginAdd(by)
	must(t, err)
	must(t, d.keys.Add(ctx, by, c.ID, fresh.create(c)))
	if _, err := d.at.node.Recovering(string(secret)); err == nil {
		t.Error("the recovery session outlived its passkey")
	}
	caller := d.signIn()
	means, err := d.at.node.Means(caller)
	must(t, err)
	if len(means.Passkeys) != 2 || means.Codes != 7 || len(means.Sessions) != 2 ||
		!means.Recent || !means.Sessions[0].Own || means.Sessions[0].Passkey != 1 {
		t.Errorf("means %+v", means)
	}
	must(t, d.at.node.RemovePasskey(ctx, caller, means.Passkeys[1].ID))
	wantField(t, d.at.node.RemovePasskey(ctx, caller, "x"), fault.NotFound, "passkey")
	stranger := d.at.customer("Kim", 1)
	wantField(t, d.at.node.EndSession(ctx, stranger.caller, means.Sessions[1].ID),
		fault.NotFound, "session")
	must(t, d.at.node.EndSession(ctx, caller, means.Sessions[1].ID))
	third := d.signIn()
	must(t, d.at.node.EndOtherSessions(ctx, third))
	if means, err = d.at.node.Means(third); err != nil || len(means.Sessions) != 1 {
		t.Errorf("sessions %+v, %v", means.Sessions, err)
	}
}
