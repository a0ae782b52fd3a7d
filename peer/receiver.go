package peer

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"seyfert/egress"
	"seyfert/fault"
	"seyfert/wire"
)

// Keys finds the peer that a key id belongs to, among the peers whose key is pinned.
type Keys func(keyID string) (did string, pub ed25519.PublicKey, ok bool)

// Receiver checks the requests of other nodes and signs the answers. It is safe for
// concurrent use.
type Receiver struct {
	origin string
	signer Signer
	keys   Keys
	now    func() int64
	nonces *Nonces
}

// Request is a request that was checked: who sent it, and what the answer has to name.
type Request struct {
	// DID names the peer whose key signed the request.
	DID string

	signed wire.SignedRequest
}

// NewReceiver makes a Receiver. origin is the snp endpoint of this node's own descriptor, such
// as "https://bank.example": signatures are over it, never over what the Host header says.
// keys may be called from several goroutines at once; now is in Unix seconds. An origin that
// is no such URL is an error.
func NewReceiver(
	origin string, s Signer, keys Keys, now func() int64,
) (*Receiver, error) {
	u, err := url.Parse(origin)
	if err != nil || egress.CheckURL(origin, true) != nil || u.String() != origin ||
		strings.HasSuffix(origin, "/") || strings.Contains(origin, "?") {
		return nil, fmt.Errorf("peer: origin %q is not scheme and host", origin)
	}
	return &Receiver{origin: origin, signer: s, keys: keys, now: now, nonces: NewNonces()}, nil
}

// Verify checks that a known peer signed this request, for this node, within the last
// wire.SignatureWindow seconds as far as its clock goes, and that it comes for the first
// time. body is the whole body, as read by the caller. Errors: fault.TooLarge,
// fault.Unauthenticated, fault.TooMany.
func (r *Receiver) Verify(req *http.Request, body []byte) (Request, error) {
	if len(body) > wire.BatchBytesMax {
		return Request{}, tooLarge()
	}
	var did string
	now := r.now()
	target := r.origin + req.URL.RequestURI()
	params, err := wire.VerifyRequest(req.Header, req.Method, target, body, now, r.find(&did))
	if err != nil {
		return Request{}, notAccepted(err)
	}
	// Only now is the nonce noted: whoever cannot sign can fill no memory, and can spend no
	// nonce of another.
	end := params.Expires + wire.SignatureWindow
	if err := r.nonces.Use(did, params.Nonce, end, now); err != nil {
		return Request{}, err
	}
	signed := wire.NewSignedRequest(req.Method, target, body, params.Nonce)
	return Request{DID: did, signed: signed}, nil
}

// Admit checks, before anything of a request's body is read, that a known peer signed its head:
// the digest and the length that it announces. It says which peer. Verify then checks the body
// and that the request comes for the first time. Errors: fault.Invalid for a body whose length
// is not said, fault.TooLarge, fault.Unauthenticated.
func (r *Receiver) Admit(req *http.Request) (did string, err error) {
	switch {
	case req.ContentLength < 0:
		return "", fault.New(fault.Invalid, "Content-Length", "The body's length is not said.")
	case req.ContentLength > wire.BatchBytesMax:
		return "", tooLarge()
	}
	target := r.origin + req.URL.RequestURI()
	_, err = wire.VerifyRequestHead(req.Header, req.Method, target, req.ContentLength, r.now(),
		r.find(&did))
	if err != nil {
		return "", notAccepted(err)
	}
	return did, nil
}

// find looks a pinned key up and notes whose it is.
func (r *Receiver) find(did *string) wire.HTTPKeys {
	return func(keyID string) (ed25519.PublicKey, bool) {
		owner, pub, ok := r.keys(keyID)
		*did = owner
		return pub, ok
	}
}

func tooLarge() error {
	return fault.New(fault.TooLarge, "body", "The body is longer than %d bytes.",
		wire.BatchBytesMax)
}

func notAccepted(err error) error {
	return fault.New(fault.Unauthenticated, "signature",
		"The request's signature was not accepted: %v.", err)
}

// Sign puts the signature of an answer into its header, before the header is written. The
// error is the signer's.
func (r *Receiver) Sign(h http.Header, status int, body []byte, to Request) error {
	params := paramsAt(r.now(), r.signer.KeyID(), to.signed.Nonce)
	return wire.SignResponse(h, status, body, to.signed, params, r.signer.SignHTTP)
}
