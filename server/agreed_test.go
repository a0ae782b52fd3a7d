package server_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"seyfert/money"
)

// TestFollowerConfigured: a replica whose configuration is not the journal's ends when it starts,
// with the words of a leader, and not on the day when it comes to lead.
func TestFollowerConfigured(t *testing.T) {
	n := newTrio(t)
	m := n.follow()
	right, keyFile := m.cfg, filepath.Join(m.cfg.Dir, "operator.key")
	shop, err := n.client().CreateCompany(t.Context(), "Kanda")
	must(t, err)
	for _, c := range []struct {
		change func()
		words  string
	}{
		{
			func() { m.cfg.Currencies = []money.Currency{money.KRW, money.JPY} },
			"The configuration differs from the one in the journal.",
		},
		{
			func() { m.cfg.Thresholds = []money.Amount{money.New(money.KRW, 5)} },
			"The configuration differs from the one in the journal.",
		},
		{
			func() {
				must(t, os.WriteFile(keyFile, []byte(shop.APIKey+"\n"), 0o600))
			},
			"is not the operator's key that the journal holds",
		},
	} {
		m.close()
		m.cfg = right
		c.change()
		m.start()
		select {
		case err := <-m.running.Failed():
			wantSaid(t, err, c.words)
		case <-time.After(10 * time.Second):
			t.Errorf("a replica goes on that should say %q", c.words)
		}
		if m.takes() {
			t.Error("it leads")
		}
	}
	m.close()
	must(t, os.WriteFile(keyFile, []byte(n.key+"\n"), 0o600))
	m.cfg = right
	m.start()
	n.until("read", func() bool {
		_, err := m.client().Companies(t.Context())
		return err == nil
	})
	select {
	case err := <-m.running.Failed():
		t.Error(err)
	default:
	}
}
