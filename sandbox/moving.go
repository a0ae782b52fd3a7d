package sandbox

import (
	"context"
	"time"

	"seyfert/client"
	"seyfert/money"
	"seyfert/web"
)

// lanes of the picture: the payer's node, the shop's node, the chain.
const (
	lanePayer = 1
	laneShop  = 2
	laneChain = 3
)

// moment is a step of a payment and the event that says that it happened.
type moment struct {
	key   string
	lane  int
	node  int // 0 seoul, 1 tokyo
	event string
}

// moments are the steps of a push payment in their order.
func moments() []moment {
	return []moment{
		{"order", lanePayer, 0, "order held"},
		{"hold", lanePayer, 0, "order held"},
		{"receipt", laneShop, 1, "claim pending"},
		{"claim", laneShop, 1, "claim pending"},
		{"match", lanePayer, 0, "order bound"},
		{"prepare", lanePayer, 0, "transfer prepared"},
		{"accepted", laneShop, 1, "transfer fulfilled"},
		{"fulfil", lanePayer, 0, "transfer cleared"},
		{"cleared", laneShop, 1, "transfer cleared"},
	}
}

// moving draws the newest payment from the events of both nodes, whoever pays and is paid. Its
// payee is named by the offer at tokyo; nobody is if tokyo does not answer. The payer is not
// named: neither the event nor the order says who it is.
func (p *worldPage) moving(ctx context.Context, nodes []seenNode) *web.Moving {
	order, found := newest(nodes[0].events, "order held")
	if !found || order.Amount == nil {
		return nil
	}
	m := &web.Moving{
		ID: order.Subject, Amount: *order.Amount,
		URL: nodes[0].place.URL + "/wallet/orders/" + order.Subject, Status: web.Held,
		Lanes: [3]web.Lane{
			{Name: "seoul", Key: "lane.payer"},
			{Name: "tokyo", Key: "lane.shop"},
			{Name: "chain", Key: "lane.chain"},
		},
	}
	if !nodes[1].stopped {
		if offer, err := p.world.Tokyo.Operator.With("").Offer(ctx, order.Offer); err == nil {
			m.To = web.NewParty(offer.Name, "ja")
		}
	}
	transfer := ""
	var last time.Time
	add := func(key string, lane int, at time.Time) {
		s := web.Step{Key: key, Lane: lane, At: at}
		if !at.IsZero() {
			if !last.IsZero() {
				s.After = max(0, at.Sub(last))
			}
			last = at
			m.Current = len(m.Steps) + 1
		}
		m.Steps = append(m.Steps, s)
	}
	for _, step := range moments() {
		event, _ := of(nodes[step.node].events, step.event, order.Offer)
		if step.event == "transfer cleared" && event.Subject != "" {
			transfer = event.Subject
		}
		add(step.key, step.lane, event.At)
	}
	var at time.Time
	if m.Status, at = statusOf(nodes, order); m.Status == web.Expired || m.Status == web.Declined {
		m.Steps = m.Steps[:m.Current]
		add("returned", lanePayer, at) // and nothing more will happen
		return m
	}
	recorded, anchored := chainTimes(nodes[0], transfer)
	if below, err := m.Amount.Less(money.New(money.KRW, ThresholdKRW)); err != nil || !below {
		add("recorded", laneChain, recorded) // smaller ones are in the day's anchor alone
	}
	add("anchored", laneChain, anchored)
	return m
}

// statusOf is where the payment of an order stands, and since when: its hold at seoul, then the
// transfer's end at tokyo.
func statusOf(nodes []seenNode, order client.Event) (status web.Status, at time.Time) {
	if e, paid := of(nodes[1].events, "transfer cleared", order.Offer); paid {
		return web.Paid, e.At
	}
	status = web.Held
	for _, e := range nodes[0].events {
		if e.Subject != order.Subject {
			continue
		}
		at = e.At
		switch e.Kind {
		case "order bound", "order paid":
			status = web.Sending
		case "order expired":
			status = web.Expired
		case "order void":
			status = web.Declined
		}
	}
	return status, at
}

// chainTimes finds when the payer's node saw the transfer's record, and an anchor after it, in
// a block.
func chainTimes(s seenNode, transfer string) (recorded, anchored time.Time) {
	if transfer == "" {
		return
	}
	cleared := time.Time{}
	for _, e := range s.events {
		switch {
		case e.Kind == "transfer cleared" && e.Subject == transfer:
			cleared = e.At
		case e.Kind == "chain confirmed" && e.Subject == "record:"+transfer:
			recorded = e.At
		case e.Kind == "chain confirmed" && !cleared.IsZero() && anchored.IsZero() &&
			len(e.Subject) > 4 && e.Subject[:4] == "day:":
			anchored = e.At
		}
	}
	return recorded, anchored
}

func newest(events []client.Event, kind string) (client.Event, bool) {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == kind {
			return events[i], true
		}
	}
	return client.Event{}, false
}

func of(events []client.Event, kind, offer string) (client.Event, bool) {
	for _, e := range events {
		if e.Kind == kind && e.Offer == offer {
			return e, true
		}
	}
	return client.Event{}, false
}
