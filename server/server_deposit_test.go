package server_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestPagesDeposit opens a deposit from the wallet's history and downloads its proof once there
// is one. To another member there is no such deposit.
func TestPagesDeposit(t *testing.T) {
	w := newWorld(t)
	b, other := newBrowser(t), newBrowser(t)
	b.signIn(w.seoul, w.member.ID)
	other.signIn(w.seoul, w.seoul.addMember("Lee", "110-2").ID)
	home := b.get(w.seoul.origin + "/wallet?lang=en")
	path := regexp.MustCompile(`/wallet/deposits/dep_[0-9A-Z]+`).FindString(home.body)
	if path == "" {
		t.Fatalf("no deposit to open: %s", words(home.body))
	}
	page := w.seoul.origin + path
	b.get(page).shows(t, 200, "Deposit", "Hanbit Bank", "+KRW\u00a0100,000", "Once the day is closed")
	b.get(page+"?lang=ko").shows(t, 200, "입금", "보낸 곳", "저널에 기록")
	b.get(page+"/proof?lang=en").shows(t, 409, "no proof to download yet")
	for _, address := range []string{page, page + "/proof", page[:len(page)-1] + "!"} {
		other.get(address).shows(t, 404)
	}
	newBrowser(t).get(page).leads(t, "/wallet/sign-in?return="+strings.ReplaceAll(path, "/", "%2F"))

	w.proveInBrowser(b, path)
	b.get(page+"?lang=en").shows(t, 200, "nobody else signed the record", "Whose account it is",
		"both accounts of the posting")
	b.get(w.seoul.origin+"/wallet").shows(t, 200, "6 confirmations")
	other.get(page+"/proof").shows(t, 404)
}
