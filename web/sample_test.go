package web_test

import (
	"testing"
	"time"

	"seyfert/money"
	"seyfert/web"
)

// seoul is the zone of the sample pages; it has had no daylight saving time since 1988.
func seoul() *time.Location { return time.FixedZone("KST", 9*60*60) }

// at is a moment of the sample day.
func at(hour, minute, second, milli int) time.Time {
	return time.Date(2026, time.November, 23, hour, minute, second, milli*1_000_000, seoul())
}

func won(units uint64) money.Amount { return money.New(money.KRW, units) }

func kanda() web.Party { return web.Party{Name: "神田紙店", Lang: "ja", Latin: "Kanda Paper"} }

func customer() web.Party {
	return web.Party{Name: "시험 고객", Lang: "ko", Latin: "Test customer"}
}

func walletFrame() web.Frame {
	return web.Frame{
		Place: "seoul", Home: "/", Demo: true, Zone: "KST", SignOut: "/wallet/sign-out",
	}
}

func lines() []web.Line {
	return []web.Line{
		{Key: "good.notebook", Note: "note.notebook", Amount: won(9_800)},
		{Key: "good.tape", Note: "note.tape", Amount: won(5_200)},
	}
}

// samples is every page in each of its states.
func samples(tb testing.TB) map[string]func() web.View {
	tb.Helper()
	pages := map[string]func() web.View{
		"home": sampleHome, "home-new": sampleHomeNew,
		"payment": samplePayment, "payment-fresh": samplePaymentFresh,
		"payment-held": samplePaymentHeld,
		"deposit":      sampleDeposit, "deposit-fresh": sampleDepositFresh,
		"approve":       func() web.View { return sampleApprove(false) },
		"approve-short": func() web.View { return sampleApprove(true) },
		"handover":      func() web.View { return sampleHandOver("/taken") },
		"handover-copy": func() web.View { return sampleHandOver("") },
		"notpaid":       sampleNotPaid,
		"approve-passkey": func() web.View {
			v := sampleApprove(false).(*web.Approve)
			v.Begin, v.Wrong = "/wallet/approve/begin", true
			return v
		},
		"approve-make": func() web.View {
			v := sampleApprove(false).(*web.Approve)
			v.Make = "/wallet/security"
			return v
		},
		"signin": func() web.View { return sampleSignIn("") },
		"signin-passkey": func() web.View {
			v := sampleSignIn("").(*web.SignIn)
			v.Passkey, v.Wrong = sampleDoors(), true
			return v
		},
		"signup": func() web.View {
			return &web.SignUp{Frame: walletFrame(), Action: "/x", SignIn: "/y", Wrong: true}
		},
		"recover":      func() web.View { return sampleRecover("") },
		"recover-make": func() web.View { return sampleRecover("/x/begin") },
		"codes":        sampleCodes,
		"security":     func() web.View { return sampleSecurity(true) },
		"security-old": func() web.View { return sampleSecurity(false) },
		"security-new": func() web.View {
			return &web.Security{
				Frame: walletFrame(), Action: "/x", Doors: sampleDoors(), Recent: true,
			}
		},
		"signin-link": func() web.View { return sampleSignIn(sampleCode) },
		"signin-refused": func() web.View {
			v := sampleSignIn("").(*web.SignIn)
			v.Refused, v.Demo = true, false
			return v
		},
		"checkout-named":   func() web.View { return sampleCheckoutNode("seoul.localhost:7401", false) },
		"checkout-refused": func() web.View { return sampleCheckoutNode("se oul", true) },
		"shop":             func() web.View { return sampleShop(lines()) },
		"shop-empty":       func() web.View { return sampleShop(nil) },
		"world":            sampleWorld, "world-new": sampleWorldNew,
		"world-stopped": sampleWorldStopped, "ledger": sampleLedger,
		"ledger-new": func() web.View {
			return &web.Ledger{Frame: web.Frame{Home: "/", Place: "tokyo", Demo: true}, Account: "acc_1"}
		},
	}
	for _, title := range []string{
		"missing", "refused", "unavailable", "fault", "signin", "invalid", "toomany", "foreign",
		"offer", "unsigned", "unreachable", "expired", "ordered", "unproven", "lastkey",
	} {
		pages["problem-"+title] = func() web.View {
			return &web.Problem{
				Frame: web.Frame{Home: "/", Place: "seoul", Demo: true},
				Title: "problem." + title, Text: "problem." + title + ".text",
				RequestID: "req_01JD9W4K7Q3XH5B2N8T6V0YRGM", Back: "/wallet",
			}
		}
	}
	for _, status := range []web.Status{web.Paid, web.Waiting, web.Expired} {
		pages["order-"+string(status)] = func() web.View { return sampleOrder(status) }
	}
	for _, state := range []web.CheckoutState{
		web.CheckoutWaiting, web.CheckoutApproved, web.CheckoutPaid, web.CheckoutExpired,
	} {
		pages["checkout-"+string(state)] = func() web.View { return sampleCheckout(state) }
	}
	return pages
}

func sampleHome() web.View {
	mustBTC, _ := money.Parse(money.BTC, "0.01842")
	item := func(party web.Party, key string, status web.Status, flow web.Flow, a money.Amount,
		level web.ProofLevel, confirmations int,
	) web.HistoryItem {
		return web.HistoryItem{
			URL: "/payments/pay_1", Party: party, Key: key, At: at(12, 58, 1, 0),
			Status: status, Flow: flow, Amount: a,
			Proof: web.Proof{Level: level, Confirmations: confirmations},
		}
	}
	bank := web.Party{Name: "한빛은행", Lang: "ko", Latin: "Hanbit Bank"}
	return &web.WalletHome{
		Frame: walletFrame(), Owner: customer(), Older: "/wallet?before=9",
		Purses: []web.Purse{
			{Balance: won(1_284_600), Held: won(62_000), Available: won(1_222_600)},
			{Balance: money.New(money.JPY, 48_200), Held: money.New(money.JPY, 0)},
			{Balance: money.New(money.USD, 31_045), Held: money.New(money.USD, 0)},
			{Balance: mustBTC, Held: money.New(money.BTC, 0)},
		},
		Days: []web.HistoryDay{
			{Day: at(0, 0, 0, 0), Items: []web.HistoryItem{
				item(kanda(), "", web.Paid, web.Out, won(7_200), web.InJournal, 0),
				item(bank, "history.deposit", web.Received, web.In, won(100_000), web.InJournal, 0),
			}},
			{Day: at(0, 0, 0, 0).AddDate(0, 0, -1), Items: []web.HistoryItem{
				item(web.Party{Name: "林陶器", Lang: "ja", Latin: "Hayashi Pottery"}, "",
					web.Held, web.Out, won(62_000), web.Anchored, 1),
				item(web.Party{Name: "Maru Books"}, "", web.Expired, web.Neutral,
					won(18_500), web.Confirmed, 6),
				item(web.Party{}, "history.deposit", web.Received, web.In, money.New(money.Currency(978), 500),
					web.InJournal, 0),
				item(kanda(), "", web.Paid, web.Out, money.New(money.USD, 12_000),
					web.Checkpointed, 0),
			}},
		},
		Accounts: []web.VirtualAccount{
			{Bank: bank, Number: "110-482-907315", Currency: money.KRW},
			{
				Bank:     web.Party{Name: "みなと銀行", Lang: "ja", Latin: "Minato Bank"},
				Number:   "012-7740183",
				Currency: money.JPY,
			},
		},
	}
}

func sampleHomeNew() web.View {
	return &web.WalletHome{
		Frame: walletFrame(), Owner: customer(),
		Purses: []web.Purse{{Balance: won(0), Held: won(0), Available: won(0)}},
		Accounts: []web.VirtualAccount{{
			Bank:   web.Party{Name: "한빛은행", Lang: "ko", Latin: "Hanbit Bank"},
			Number: "110-482-907315", Currency: money.KRW,
		}},
	}
}

func samplePaymentFresh() web.View {
	return &web.WalletPayment{
		Frame: walletFrame(), ID: "ord_01JD9W4K7Q3XH5B2N8T6V0YRGM", HomeURL: "/wallet",
		Status: web.Paid, Proof: web.Proof{Level: web.InJournal}, Flow: web.Out,
		Amount: won(15_000), Other: kanda(), OtherNode: "tokyo", At: at(14, 2, 31, 104),
		Reference: "tra_01JD9W4M2M3XH5B2N8T6V0YRGM", Provable: true, Final: 6,
	}
}

func samplePaymentHeld() web.View {
	p := samplePaymentFresh().(*web.WalletPayment)
	p.Status, p.Reference, p.Provable = web.Held, "", false
	p.Expires, p.ReceiptURL = at(14, 5, 0, 0), "/wallet/orders/ord_1/receipt"
	return p
}

func samplePayment() web.View {
	p := samplePaymentFresh().(*web.WalletPayment)
	p.Version = "18204-6"
	p.Proof = web.Proof{Level: web.Confirmed, Confirmations: 6}
	night := at(0, 0, 0, 0).AddDate(0, 0, 1)
	p.Checkpoint = &web.CheckpointFact{
		At: night, Size: 18_966,
		Root: "9f2c5be07712a95d4c07e41b9f2c5be07712a95d4c07e41b9f2c5be07712e41b",
	}
	p.Anchor = &web.AnchorFact{
		Height: 818,
		TxID:   "4c07e41b9f2c5be07712a95d4c07e41b9f2c5be07712a95d4c07e41b9f2ca95d",
	}
	p.Verify = &web.VerifyFacts{
		Bundle: "/wallet/orders/ord_1/proof", File: "seyfert-tra_01JD9W4M2M3XH5B2N8T6V0YRGM.json",
		Headers: "http://seoul.localhost:7401/v1/chain/headers", Page: 10_000, Tip: 823,
		Thumbprint: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	}
	return p
}

func sampleDeposit() web.View {
	p := samplePayment().(*web.WalletPayment)
	p.Deposit, p.Status, p.Flow, p.Reference, p.OtherNode = true, web.Received, web.In, "", ""
	p.ID, p.Other = "dep_01JD9W4K7Q3XH5B2N8T6V0YRGM",
		web.Party{Name: "한빛은행", Lang: "ko", Latin: "Hanbit Bank"}
	p.Verify.Bundle, p.Verify.File = "/wallet/deposits/"+p.ID+"/proof", p.ID+".proof.json"
	return p
}

// sampleDepositFresh came from a bank that the page can't tell.
func sampleDepositFresh() web.View {
	p := samplePaymentFresh().(*web.WalletPayment)
	p.Deposit, p.Status, p.Flow, p.Reference, p.OtherNode = true, web.Received, web.In, "", ""
	p.Other = web.Party{}
	return p
}

func sampleApprove(short bool) web.View {
	return &web.Approve{
		Frame: walletFrame(), Shop: kanda(), CheckedBy: "tokyo", Amount: won(15_000),
		OfferID: "off_01JD9W4H2M3XH5B2N8T6V0YRGM", Now: at(14, 2, 0, 0),
		Expires: at(14, 4, 34, 0), Whole: 3 * time.Minute, Action: "/wallet/approve",
		Offer: "eyJ0eXAiOiJ4In0.e30.c2ln", Nonce: "00112233445566778899aabbccddeeff",
		Short: short,
		Sources: []web.Source{
			{ID: "acc_1", Available: won(1_222_600), Enough: !short, Chosen: !short},
			{ID: "acc_2", Available: won(900)},
		},
	}
}

func sampleHandOver(action string) web.View {
	return &web.HandOver{
		Frame: walletFrame(), Shop: kanda(), Amount: won(15_000), Action: action,
		Receipt: "v1.c2VvdWw.k1.o2F2AWFrUHk5eFQ0b1hXbWFjWCBGq0mB1n3Jc8yPZr0u7YtLk5cQ2hVw9eXaT6sD4fBiRj",
		Offer:   "off_01JD9W4H2M3XH5B2N8T6V0YRGM", Order: "ord_01JD9W4K7Q3XH5B2N8T6V0YRGM",
		OrderURL: "/wallet/orders/ord_01JD9W4K7Q3XH5B2N8T6V0YRGM", Expires: at(14, 4, 34, 0),
	}
}

func sampleNotPaid() web.View {
	return &web.NotPaid{
		Frame: walletFrame(), Shop: kanda(), Amount: won(15_000),
		ShopURL: "http://shop.localhost:7400/",
	}
}

const sampleCode = "code_Qm9vbSBzaGFrZSBzaGFrZSBzaGFrZSB0aGUgcm9vbQo"

func sampleSignIn(code string) web.View {
	return &web.SignIn{
		Frame: web.Frame{Place: "seoul", Home: "/wallet", Demo: true}, Action: "/wallet/sign-in",
		Code: code, Return: "/wallet",
	}
}
