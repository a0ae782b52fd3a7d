package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"seyfert/fault"
)

// rpcRefusal is the node's refusal of a call.
type rpcRefusal struct {
	code    int
	message string // printable and short, but a stranger's
	fault   *fault.Error
	told    bool // the fault is the server's word, not read from the code
}

func (r *rpcRefusal) Error() string {
	return fmt.Sprintf("the bitcoin node refuses with code %d: %s", r.code, r.message)
}

// Unwrap gives the fault that an RPCServer sent along, or that the refusal is by itself.
func (r *rpcRefusal) Unwrap() error { return r.fault }

func errNode(format string, args ...any) *fault.Error {
	return fault.New(fault.Unavailable, "", "the bitcoin node cannot be used: "+format, args...)
}

func (c *RPC) callHex(ctx context.Context, method string, params ...any) ([]byte, error) {
	var text string
	if err := c.call(ctx, &text, method, params...); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, errNode("%s gives no hexadecimal text", method)
	}
	return raw, nil
}

// call sends one request and reads its result into result. A refusal by the node is a
// *rpcRefusal; everything else that goes wrong is Unavailable.
func (c *RPC) call(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "1.0", "id": method, "method": method, "params": params,
	})
	if err != nil {
		return fmt.Errorf("request %s: %w", method, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.URL,
		bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("request %s: %w", method, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.config.Auth.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.config.Auth.Token)
	} else {
		request.SetBasicAuth(c.config.Auth.User, c.config.Auth.Password)
	}
	response, err := c.config.Client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errNode("no answer") // the cause may hold the address
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return errNode("it does not accept our credentials")
	}
	reply, err := io.ReadAll(io.LimitReader(response.Body, RPCReplyMax+1))
	if err != nil {
		return errNode("its answer breaks off")
	}
	return readReply(reply, method, result)
}

// readReply reads the answer to a call whose id is the method's name.
func readReply(data []byte, method string, result any) error {
	if len(data) > RPCReplyMax {
		return errNode("its answer is longer than %d bytes", RPCReplyMax)
	}
	var reply rpcReply
	if err := json.Unmarshal(data, &reply); err != nil {
		return errNode("its answer to %s is not JSON-RPC", method)
	}
	if e := reply.Error; e != nil {
		refusal := &rpcRefusal{code: e.Code, message: clip(e.Message)}
		refusal.fault, refusal.told = toldFault(e.Data)
		if !refusal.told {
			refusal.fault = errNode("it refuses %s with code %d: %s", method, e.Code,
				refusal.message)
		}
		return refusal
	}
	var id string
	if err := json.Unmarshal(reply.ID, &id); err != nil || id != method {
		return errNode("it answers another call than %s", method)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(reply.Result, result); err != nil {
		return errNode("its answer to %s has another form", method)
	}
	return nil
}

// toldFault takes over a fault that the server sent along, if it is one that a chain gives.
func toldFault(data *fault.Error) (*fault.Error, bool) {
	if data == nil {
		return nil, false
	}
	switch data.Code {
	case fault.Invalid, fault.NotFound, fault.Refused, fault.TooLarge, fault.TooMany,
		fault.Unavailable:
		return fault.New(data.Code, clip(data.Field), "%s", clip(data.Message)), true
	default:
		return nil, false
	}
}
