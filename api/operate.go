package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"seyfert/fault"
	"seyfert/money"
	"seyfert/node"
	"seyfert/wire"
)

const tagOperation = "operation"

// newPeer is the body of POST /v1/peers.
type newPeer struct {
	URL        string         `json:"url" minLength:"1" maxLength:"512"`
	Thumbprint string         `json:"thumbprint,omitempty" maxLength:"43"`
	Credit     []money.Amount `json:"credit,omitempty" maxItems:"64"`
}

func (g *gate) mountOperation() {
	register(g, operation{
		id: "listPeers", method: http.MethodGet, path: "/v1/peers", tag: tagOperation,
		summary: "List the peers and what stands between the node and each",
		roles:   []role{operator},
	}, func(ctx context.Context, _ *struct{}) (*answer[list[node.Peer]], error) {
		return respondList(g.node.Peers(callerOf(ctx)))
	})
	register(g, operation{
		id: "addPeer", method: http.MethodPost, path: "/v1/peers", tag: tagOperation,
		summary: "Pin a peer's keys and give it credit, or change the credit",
		status:  http.StatusCreated, roles: []role{operator},
	}, g.addPeer)
	register(g, operation{
		id: "listEvents", method: http.MethodGet, path: "/v1/events", tag: tagOperation,
		summary: "List what happened, oldest first, or wait for it",
		roles:   []role{operator, company, member},
	}, g.listEvents)
	register(g, operation{
		id: "getStatus", method: http.MethodGet, path: "/v1/status", tag: tagOperation,
		summary: "Read the node at a glance", roles: []role{operator},
	}, func(ctx context.Context, _ *struct{}) (*answer[node.Status], error) {
		return respond(g.node.Status(callerOf(ctx)))
	})
}

// addPeer fetches the peer's descriptor. Messages are sent to the endpoint that the descriptor
// names, since signatures are over that address.
func (g *gate) addPeer(ctx context.Context, in *struct{ Body newPeer }) (
	*answer[node.Peer], error,
) {
	if g.cfg.Fetch == nil {
		return nil, fault.New(fault.Refused, "url", "This node takes no new peers.")
	}
	for _, limit := range in.Body.Credit {
		if _, ok := limit.Uint64(); !ok {
			return nil, fault.New(fault.Invalid, "credit", "A limit is below 2^64 minor units.")
		}
	}
	if !isOrigin(in.Body.URL) {
		return nil, fault.New(fault.Invalid, "url", "This is not scheme and host of a node.")
	}
	text, err := g.cfg.Fetch(ctx, in.Body.URL)
	if err != nil {
		g.cfg.Log.Warn("a peer's descriptor can't be fetched",
			slog.String("request", requestID(ctx)), slog.String("error", err.Error()))
		return nil, fault.New(fault.Refused, "url", "No descriptor was served at this address.")
	}
	descriptor, _, err := wire.ParseDescriptor(text)
	if err != nil {
		return nil, fault.New(fault.Refused, "url", "What is served there is no descriptor.")
	}
	return respond(g.node.AddPeer(ctx, callerOf(ctx), node.PeerTerms{
		URL: descriptor.Endpoints.SNP, Descriptor: text, Thumbprint: in.Body.Thumbprint,
		Credit: in.Body.Credit,
	}))
}

// isOrigin says whether a text is scheme and host and nothing else. What is more may be a password
// or a key, and the address of a peer that does not answer is logged.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		strings.TrimSuffix(text, "/") == u.Scheme+"://"+u.Host
}

func (g *gate) listEvents(ctx context.Context, in *struct {
	Page
	From uint64 `query:"from" doc:"number of the first event wanted: next of the page before"`
	Wait int    `query:"wait" minimum:"0" maximum:"20" default:"0" doc:"seconds to wait for one"`
},
) (*answer[list[node.Event]], error) {
	by := callerOf(ctx)
	ctx, cancel := Waiting{Wait: in.Wait}.within(ctx)
	defer cancel()
	rows, err := g.node.WaitEvents(ctx, by, in.From, in.Limit)
	if err != nil {
		return nil, err
	}
	body := list[node.Event]{Data: rows, Next: strconv.FormatUint(in.From, 10)}
	if len(rows) > 0 {
		body.Next = strconv.FormatUint(rows[len(rows)-1].Seq+1, 10)
	}
	return respond(body, nil)
}
