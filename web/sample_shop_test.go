package web_test

import (
	"time"

	"seyfert/money"
	"seyfert/node"
	"seyfert/web"
)

func sampleShop(basket []web.Line) web.View {
	good := func(id string, price uint64, in bool) web.Good {
		return web.Good{ID: id, Price: won(price), InBasket: in && len(basket) > 0}
	}
	return &web.Shop{
		Frame: web.Frame{Home: "/", Demo: true, Forms: []string{"http://tokyo.localhost:7401"}},
		Name:  kanda(), Basket: basket, Total: won(15_000), Put: "/basket", Pay: "/pay",
		Goods: []web.Good{
			good("notebook", 9_800, true), good("tape", 5_200, true), good("pen", 38_000, false),
			good("ink", 14_000, false), good("letters", 7_200, false),
			good("furoshiki", 21_000, false),
		},
		Orders: []web.ShopOrderLine{{
			Number: "KP-20261123-0416", Amount: won(7_200), Status: web.Paid, URL: "/orders/1",
		}},
	}
}

func sampleOrder(status web.Status) web.View {
	order := &web.ShopOrder{
		Frame: web.Frame{Home: "/", Demo: true, Zone: "KST", Version: string(status)},
		Name:  kanda(), Number: "KP-20261123-0417", Status: status, Lines: lines(),
		Amount: won(15_000), At: at(14, 2, 31, 0),
	}
	if status == web.Paid {
		order.Reference = "KP-0417-7Q2M"
	} else {
		order.PayURL = "http://tokyo.localhost:7401/checkout/off_1"
	}
	return order
}

func sampleCheckout(state web.CheckoutState) web.View {
	return &web.Checkout{
		Frame: web.Frame{Place: "tokyo", Demo: true, Zone: "UTC", Version: string(state)},
		State: state, Shop: kanda(), CheckedBy: "tokyo", Lines: lines(), Amount: won(15_000),
		Offer: "off_01JD9W4H2M3XH5B2N8T6V0YRGM", Now: at(14, 2, 0, 0),
		Expires: at(14, 4, 34, 0), Whole: 3 * time.Minute,
		Link:     "http://tokyo.localhost:7401/checkout/off_01JD9W4H2M3XH5B2N8T6V0YRGM",
		Continue: "/checkout/off_01JD9W4H2M3XH5B2N8T6V0YRGM",
		ShopURL:  "http://shop.localhost:7402/",
	}
}

// sampleCheckoutNode is a checkout whose customer has named her node.
func sampleCheckoutNode(name string, refused bool) web.View {
	v := sampleCheckout(web.CheckoutWaiting).(*web.Checkout)
	v.Node, v.NodeRefused = name, refused
	if !refused {
		v.Wallet = &web.WalletDoor{
			Node: name, URL: "http://" + name + "/wallet/approve?offer=x",
			Home: "http://" + name + "/wallet",
		}
	}
	return v
}

func balances(amounts ...money.Amount) (all []web.WorldBalance) {
	for _, a := range amounts {
		all = append(all, web.WorldBalance{Amount: a, Ledger: "/ledger/seoul/acc_1"})
	}
	return all
}

func sampleLedger() web.View {
	v := &web.Ledger{
		Frame:   web.Frame{Home: "/", Place: "seoul", Demo: true, Zone: "UTC"},
		Account: "acc_01JD9W4K7Q3XH5B2N8T6V0YRGM", Older: "/ledger/seoul/acc_1?before=7",
	}
	for i, kind := range []string{"posted", "captured", "held", "bound", "voided", "expired"} {
		v.Lines = append(v.Lines, web.LedgerLine{
			At: at(14, 2, i, 0), Kind: kind, Side: []string{"credit", "debit"}[i%2],
			Amount: won(15_000), Balance: won(85_000),
			Transfer: []string{"", "txn_01JD9W4M2M3XH5B2N8T6V0YRGM"}[i%2],
		})
	}
	return v
}

// sampleWorldStopped has a node that does not answer, and one with owners beyond counting.
func sampleWorldStopped() web.View {
	w := sampleWorld().(*web.World)
	w.Nodes[0].Least = true
	w.Nodes[1] = web.WorldNode{
		Name: "tokyo", Owner: w.Nodes[1].Owner, Tone: "b", Status: web.Stopped,
	}
	w.Moving.To = web.Party{}
	return w
}

func sampleWorldNew() web.View {
	return &web.World{
		Frame: web.Frame{Home: "/", Demo: true, Version: "0"}, Now: at(14, 2, 31, 0),
		Network: "regtest",
		Attach: web.Attach{
			API: "http://tokyo.localhost:7401", Key: "sk_test_4fK2…",
			Body: `{"amount": {"currency": "KRW", "value": "15000"}}`,
		},
		Doors: []web.Door{
			{Key: "door.shop", Icon: "shop", URL: "http://shop.localhost:7402/"},
			{Key: "door.wallet", Icon: "wallet", URL: "http://seoul.localhost:7400/wallet"},
			{Key: "door.api", Icon: "api", URL: "/openapi.json"},
		},
		Nodes: []web.WorldNode{{
			Name: "seoul", Owner: web.Party{Name: "한강결제", Lang: "ko", Latin: "Hangang Pay"},
			Tone: "a", Status: web.Healthy,
			Wallets: []web.WorldWallet{{Owner: customer(), Balances: balances(won(0))}},
		}},
	}
}

func sampleWorld() web.View {
	w := sampleWorldNew().(*web.World)
	w.Version, w.Runs, w.Zone, w.Mine, w.CloseDay = "18204", true, "KST", "/mine", "/close"
	anchor := &web.AnchorFact{At: at(0, 4, 0, 0), Height: 811, TxID: "4c07e41b9f2c5be07712a95d"}
	links := []web.Door{
		{Key: "door.descriptor", URL: "/.well-known/seyfert"},
		{Key: "door.checkpoint", URL: "/journal/checkpoint"},
	}
	w.Nodes[0].Entries, w.Nodes[0].Anchor, w.Nodes[0].Links = 18_204, anchor, links
	w.Nodes[0].Block = "/blocks/811"
	w.Nodes[0].Wallets[0].URL = "http://seoul.localhost:7400/wallet"
	w.Nodes[0].Wallets[0].Balances = balances(won(85_000), money.New(money.USD, 31_045))
	w.Nodes[0].More = 3
	w.Nodes[0].Owes = []web.Owed{{Peer: "tokyo", Amount: won(15_000)}}
	w.Nodes = append(w.Nodes, web.WorldNode{
		Name: "tokyo", Owner: web.Party{Name: "隅田トラスト", Lang: "ja", Latin: "Sumida Trust"},
		Tone: "b", Status: web.Paying, Entries: 1, Anchor: anchor, Links: links,
		Wallets: []web.WorldWallet{{
			Owner: kanda(), URL: "http://shop.localhost:7402/", Balances: balances(won(15_000)),
		}},
	})
	w.Moving = sampleMoving()
	w.NextMark = []web.BlockMark{{
		Level: web.Checkpointed, Key: "record", Args: []any{"seoul", "tokyo"},
	}}
	for i := range 8 {
		b := web.Block{
			Height: int64(813 - i), URL: "/blocks/1", At: at(13-i, 41, 0, 0), Transactions: 1 + i%3,
			Confirmations: i + 1, Tip: i == 0,
		}
		if i == 2 {
			b.Marks = []web.BlockMark{
				{Level: web.Confirmed, Key: "anchor", Args: []any{"seoul"}},
				{Level: web.Confirmed, Key: "anchor", Args: []any{"tokyo"}},
				{Level: web.Anchored, Key: "record", Args: []any{"seoul", "tokyo"}},
			}
		}
		w.Blocks = append(w.Blocks, b)
	}
	w.Log = sampleLog()
	return w
}

func sampleMoving() *web.Moving {
	m := &web.Moving{
		ID: "pay_1", URL: "http://seoul.localhost:7400/payments/pay_1", Amount: won(15_000),
		To: kanda(), Status: web.Sending, Current: 7,
		Lanes: [3]web.Lane{
			{Name: "seoul", Key: "lane.payer"},
			{Name: "tokyo", Key: "lane.shop"},
			{Name: "chain", Key: "lane.chain"},
		},
	}
	lane := map[string]int{
		"receipt": 2, "claim": 2, "accepted": 2, "cleared": 2, "recorded": 3, "anchored": 3,
	}
	for i, key := range []string{
		"order", "hold", "receipt", "claim", "match", "prepare", "accepted", "fulfil", "cleared",
		"recorded", "anchored",
	} {
		step := web.Step{Key: key, Lane: max(1, lane[key])}
		if i <= m.Current {
			step.At = at(14, 2, 31, 104+i)
			step.After = []time.Duration{4e6, 5_678e6, 190e9}[i%3] // ns
		}
		m.Steps = append(m.Steps, step)
	}
	return m
}

// sampleLog has one line of each kind that a node tells.
func sampleLog() []web.Event {
	amount := won(15_000)
	kinds := []string{
		"configured", "described", "company", "member", "peer", "deposit", "offer", "order held",
		"order bound", "order paid", "order expired", "order void", "claim pending",
		"claim paid", "claim refused", "claim conflict", "transfer prepared",
		"transfer fulfilled", "transfer cleared", "transfer void", "sent prepare",
		"received fulfil", "day closed", "checkpoint signed",
		"something of a later release",
	}
	log := make([]web.Event, 0, len(kinds)+1)
	for i, kind := range kinds {
		log = append(log, web.NodeEvent("seoul", node.Event{
			At: at(14, 2, 31, 900-i), Kind: kind, Amount: &amount,
			Peer: "did:web:tokyo.localhost%3A7402",
		}, seoul()))
	}
	return append(log, web.NodeEvent("seoul", node.Event{
		At: at(14, 2, 30, 0), Kind: "chain confirmed", Subject: "record:1", Offer: "813",
	}, seoul()), web.NodeEvent("seoul", node.Event{
		At: at(14, 2, 30, 0), Kind: "chain sent", Subject: "day:1",
	}, seoul()), web.Event{
		At: at(14, 2, 29, 0), Place: "chain", Key: "block", Args: []any{int64(813)},
	})
}
