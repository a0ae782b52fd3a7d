package chain

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"seyfert/fault"
)

// JSON-RPC as Bitcoin Core 28 speaks it (doc/JSON-RPC-interface.md and src/rpc of that
// version), in the part that nodes need. Server and client share the names below and the form
// of amounts; each reads what the other wrote as it would a stranger's.

// Limits on what one side takes from the other.
const (
	// RPCRequestMax is the largest request body: a transaction of TxBytesMax in hexadecimal.
	RPCRequestMax = 1 << 20
	// RPCReplyMax is the largest reply: a block of 4,000,000 bytes in hexadecimal.
	RPCReplyMax = 9 << 20
	// rpcParamsMax is how many parameters any method takes.
	rpcParamsMax = 4
	// rpcMessageMax is how much of an error's text is kept, in bytes.
	rpcMessageMax = 300
)

// Error codes of src/rpc/protocol.h that the two sides act upon.
const (
	rpcMisc           = -1
	rpcNotFound       = -5 // no such block, transaction, or a wrong address
	rpcBadParameter   = -8
	rpcDeserialize    = -22
	rpcVerify         = -25
	rpcRejected       = -26
	rpcAlreadyInChain = -27
	rpcWarmup         = -28
	rpcInvalidRequest = -32600
	rpcMethodNotFound = -32601
	rpcInvalidParams  = -32602
	rpcParseError     = -32700
)

// RPCAuth is how a client shows who it is. Server and client are given the same one.
type RPCAuth struct {
	// User and Password are for HTTP basic authentication, as bitcoind has it; the contents of
	// its cookie file are such a pair.
	User, Password string
	// Token, if not empty, is sent as a bearer token instead.
	Token string
}

func (a RPCAuth) validate() error {
	if a.Token == "" && (a.User == "" || a.Password == "") {
		return fault.New(fault.Invalid, "auth", "a token, or a user and a password, is needed")
	}
	return nil
}

// rpcRequest is one call. The "jsonrpc" field is always sent: btcd gives no answer without it.
type rpcRequest struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id"`
	Method  string            `json:"method"`
	Params  []json.RawMessage `json:"params"`
}

// rpcReply is the answer; of Result and Error one is null.
type rpcReply struct {
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
	ID     json.RawMessage `json:"id"`
}

// rpcError is a refusal. Data is our own addition: the fault that the code stands for, which
// bitcoind's codes are too few to tell. Clients of bitcoind pass over it.
type rpcError struct {
	Code    int          `json:"code"`
	Message string       `json:"message"`
	Data    *fault.Error `json:"data,omitempty"`
}

// networkOfChain and chainOfNetwork map the names of Bitcoin Core's chains to networks.
func networkOfChain(chain string) string {
	if chain == "main" {
		return "mainnet"
	}
	return chain
}

func chainOfNetwork(network string) string {
	if network == "mainnet" {
		return "main"
	}
	return network
}

// formatBTC writes satoshi as bitcoin with eight decimals, as bitcoind writes amounts.
func formatBTC(sats uint64) json.RawMessage {
	return json.RawMessage(fmt.Sprintf("%d.%08d", sats/100_000_000, sats%100_000_000))
}

// parseBTC reads an amount of bitcoin, as a JSON number or a string of one, exactly; an
// exponent is allowed because btcd writes small amounts with one.
func parseBTC(raw json.RawMessage) (sats uint64, err error) {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		if text, err = strconv.Unquote(text); err != nil {
			return 0, errAmount()
		}
	}
	digits, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(digits) > 30 || len(exponent) > 3 || strings.Trim(digits, "0123456789.") != "" {
		return 0, errAmount()
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, errAmount()
	}
	amount.Mul(amount, big.NewRat(100_000_000, 1))
	if !amount.IsInt() || !amount.Num().IsUint64() {
		return 0, errAmount()
	}
	return amount.Num().Uint64(), nil
}

func errAmount() error {
	return fault.New(fault.Invalid, "amount", "an amount is bitcoin with at most 8 decimals")
}

// clip keeps the printable front of a text that somebody else wrote.
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return -1
	}, text[:min(len(text), rpcMessageMax)])
	return text
}
