package chain

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"seyfert/fault"
)

// Source is a chain that an RPCServer can serve: [Regtest] and [Memory] are Sources.
type Source interface {
	Backend
	// HeightOf gives the height of a block of the main chain, or false.
	HeightOf(ctx context.Context, hash [32]byte) (int64, bool, error)
	// Transaction finds a transaction that waits or is in the main chain, or says false.
	Transaction(ctx context.Context, txid [32]byte) (Transaction, bool, error)
	// Mempool gives the ids of what waits for a block, the longest waiting first.
	Mempool(ctx context.Context) ([][32]byte, error)
}

var (
	_ Source = (*Regtest)(nil)
	_ Source = (*Memory)(nil)
)

// RPCServer answers JSON-RPC over HTTP POST as bitcoind does, in the part that wallets and
// nodes use to read blocks and hand in transactions. Over a [Regtest] it also mines and gives
// coins away; over anything else these methods do not exist.
type RPCServer struct {
	source Source
	miner  Miner // nil unless source is a Regtest
	auth   RPCAuth
	log    *slog.Logger
}

// NewRPCServer serves source to those who show auth, which must not be empty. Faults of our
// own go to log; their text never goes to a client.
func NewRPCServer(source Source, auth RPCAuth, log *slog.Logger) (*RPCServer, error) {
	if err := auth.validate(); err != nil {
		return nil, err
	}
	s := &RPCServer{source: source, auth: auth, log: log}
	if own, ok := source.(*Regtest); ok {
		s.miner = own
	}
	return s, nil
}

// ServeHTTP implements http.Handler. Refusals that a method gives are answered with status
// 200 and an error object; the status tells of requests that reached no method.
func (s *RPCServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="jsonrpc"`)
		s.answer(w, http.StatusUnauthorized, nil, nil, &rpcError{
			Code: rpcInvalidRequest, Message: "not authorised",
		})
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.answer(w, http.StatusMethodNotAllowed, nil, nil, &rpcError{
			Code: rpcInvalidRequest, Message: "JSON-RPC is served by POST",
		})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, RPCRequestMax))
	if err != nil {
		status := http.StatusBadRequest
		if _, long := errors.AsType[*http.MaxBytesError](err); long {
			status = http.StatusRequestEntityTooLarge
		}
		s.answer(w, status, nil, nil, &rpcError{
			Code: rpcInvalidRequest, Message: "the request cannot be read or is too long",
		})
		return
	}
	request, refusal := parseRequest(body)
	if refusal != nil {
		s.answer(w, http.StatusBadRequest, request.ID, nil, refusal)
		return
	}
	result, err := s.call(r.Context(), request.Method, request.Params)
	refusal = s.refusal(request.Method, err)
	status := http.StatusOK
	if refusal != nil && refusal.Code == rpcMethodNotFound {
		status = http.StatusNotFound
	}
	s.answer(w, status, request.ID, result, refusal)
}

// allowed compares in constant time, over hashes so that lengths do not show either.
func (s *RPCServer) allowed(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.auth.Token != "" && same(token, s.auth.Token)
	}
	user, password, ok := r.BasicAuth()
	if !ok || s.auth.User == "" || s.auth.Password == "" {
		return false
	}
	sameUser, samePassword := same(user, s.auth.User), same(password, s.auth.Password)
	return sameUser && samePassword
}

func same(a, b string) bool {
	hashA, hashB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(hashA[:], hashB[:]) == 1
}

// parseRequest reads one call. Lists of calls and parameters by name are not served.
func parseRequest(body []byte) (rpcRequest, *rpcError) {
	var request rpcRequest
	if !json.Valid(body) {
		return request, &rpcError{Code: rpcParseError, Message: "the body is not JSON"}
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return rpcRequest{}, &rpcError{
			Code:    rpcInvalidRequest,
			Message: "not a call: an object with a method and a list of params",
		}
	}
	if request.Method == "" {
		return request, &rpcError{Code: rpcInvalidRequest, Message: "the method is missing"}
	}
	return request, nil
}

// refusal turns an error into what a client is told.
func (s *RPCServer) refusal(method string, err error) *rpcError {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*rpcFailure](err); ok {
		return &rpcError{Code: own.code, Message: own.message}
	}
	f, ok := fault.Of(err)
	if !ok {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			f = fault.New(fault.Unavailable, "", "the call was given up")
		} else {
			s.log.Error("chain call failed", "method", method, "error", err)
			return &rpcError{Code: rpcMisc, Message: "internal error"}
		}
	}
	codes := map[fault.Code]int{
		fault.Invalid: rpcBadParameter, fault.TooLarge: rpcBadParameter,
		fault.NotFound: rpcBadParameter, fault.Refused: rpcMisc, fault.TooMany: rpcMisc,
		fault.Unavailable: rpcWarmup,
	}
	if f.Field == "tx" {
		codes[fault.Invalid], codes[fault.TooLarge] = rpcDeserialize, rpcDeserialize
		codes[fault.Refused], codes[fault.TooMany] = rpcRejected, rpcRejected
	}
	code, ok := codes[f.Code]
	if !ok {
		code = rpcMisc
	}
	return &rpcError{Code: code, Message: f.Message, Data: f}
}

func (s *RPCServer) answer(
	w http.ResponseWriter, status int, id json.RawMessage, result any, refusal *rpcError,
) {
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	body, err := json.Marshal(map[string]any{"result": result, "error": refusal, "id": id})
	if err != nil {
		// Every result is made of strings, integers and our own decimals.
		panic("chain: a result is not JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that went away is told nothing.
	_, _ = w.Write(append(body, '\n'))
}

// rpcFailure is a refusal with bitcoind's own code.
type rpcFailure struct {
	code    int
	message string
}

func (f *rpcFailure) Error() string { return f.message }

func failure(code int, message string) error { return &rpcFailure{code: code, message: message} }
