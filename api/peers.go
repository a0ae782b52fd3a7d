package api

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/fault"
	"seyfert/peer"
	"seyfert/wire"
)

const tagPeers = "peers"

// mountPeers adds what other nodes call (protocol.md A2, A3). Requests and answers are signed
// over their exact bytes, so nothing here goes through huma.
func (g *gate) mountPeers() {
	g.plain(huma.Operation{
		OperationID: "postMessages", Method: http.MethodPost, Path: peer.PathMessages,
		Summary: "Deliver signed messages of a peer", Tags: []string{tagPeers},
		Description: "Signed by RFC 9421, as protocol A2 says.",
		RequestBody: &huma.RequestBody{
			Required: true,
			Content: map[string]*huma.MediaType{
				peer.TypeMessages: {Schema: &huma.Schema{Type: huma.TypeObject}},
			},
		},
	}, typeAnswers, g.postMessages)
	g.plain(huma.Operation{
		OperationID: "getMessages", Method: http.MethodGet,
		Path:    "/snp/v1/channels/{did}/messages",
		Summary: "Get this node's messages to the peer again", Tags: []string{tagPeers},
		Description: "Signed by RFC 9421, as protocol A2 says.",
		Parameters: []*huma.Param{
			pathParam("did", "the asking peer's own DID"),
			{
				Name: "from", In: "query", Description: "seq of the first message wanted",
				Schema: &huma.Schema{Type: huma.TypeInteger},
			},
		},
	}, peer.TypeMessages, g.getMessages)
}

// typeAnswers is the media type of the answers to a batch.
const typeAnswers = "application/json"

func (g *gate) postMessages(r *http.Request, w http.ResponseWriter) error {
	from, body, err := g.fromPeer(r)
	if err != nil {
		return err
	}
	messages, err := wire.ParseBatch(body)
	if err != nil {
		return fault.New(fault.Invalid, "messages",
			"The body is not a canonical batch of 1 to %d messages.", wire.MessageBatchMax)
	}
	answers, err := g.node.Receive(r.Context(), from.DID, messages)
	if err != nil {
		return err
	}
	out, err := peer.EncodeAnswers(answers)
	if err != nil {
		return err
	}
	return g.signed(w, out, from)
}

func (g *gate) getMessages(r *http.Request, w http.ResponseWriter) error {
	peerOf, _, err := g.fromPeer(r)
	if err != nil {
		return err
	}
	if r.PathValue("did") != peerOf.DID {
		return fault.New(fault.NotFound, "did", "There is no such channel of this peer.")
	}
	from := uint64(1)
	if text := r.URL.Query().Get("from"); text != "" {
		if from, err = strconv.ParseUint(text, 10, 64); err != nil || from == 0 {
			return fault.New(fault.Invalid, "from", "A seq is a whole number from 1.")
		}
	}
	messages, err := g.node.Messages(peerOf.DID, from)
	if err != nil {
		return err
	}
	if messages = messages[:peer.Fit(messages)]; len(messages) == 0 {
		return fault.New(fault.NotFound, "from", "There is no message with this seq yet.")
	}
	out, err := wire.EncodeBatch(messages)
	if err != nil {
		return err
	}
	return g.signed(w, out, peerOf)
}

// fromPeer checks who sent a request, and gives its body.
func (g *gate) fromPeer(r *http.Request) (peer.Request, []byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return peer.Request{}, nil, newProblem(codeMalformed, "body", "The body can't be read.")
	}
	from, err := g.cfg.Receiver.Verify(r, body)
	if err != nil {
		if refused, ok := fault.Of(err); ok && refused.Code == fault.Unauthenticated {
			err = g.guessed(r.Context(), err)
		}
		return peer.Request{}, nil, err
	}
	return from, body, take(g.caller, from.DID, g.cfg.Now())
}

// signed sends an answer under the node's signature.
func (g *gate) signed(w http.ResponseWriter, body []byte, to peer.Request) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := g.cfg.Receiver.Sign(w.Header(), http.StatusOK, body, to); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(w, bytes.NewReader(body))
	return nil
}
