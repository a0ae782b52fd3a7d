package bench

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"seyfert/ledger"
	"seyfert/node"
)

// Paths and content types of the API, as its documentation has them.
const (
	pathOne    = "/v1/transfers"
	pathBulk   = "/v1/transfers/bulk"
	typeJSON   = "application/json"
	typeBinary = "application/vnd.seyfert.transfers"
)

// callers makes those who post in a case. hangUp ends them.
func (p *place) callers(ctx context.Context, c Case) ([]caller, error) {
	var callers []caller
	for i := range c.Callers {
		one, err := p.caller(ctx, c, newMint(c, i, time.Now))
		if err != nil {
			return nil, errors.Join(err, hangUp(callers))
		}
		callers = append(callers, one)
	}
	return callers, nil
}

func (p *place) caller(ctx context.Context, c Case, m *mint) (caller, error) {
	path, content := pathBulk, typeJSON
	switch c.Way {
	case HTTP:
		path = pathOne
	case Bulk:
	case Binary:
		content = typeBinary
	default:
		return &inside{p.server.Node(), p.by, m, c.Batch}, nil
	}
	l, err := Dial(ctx, p.server.Address().String(), hostName, path, p.key, content)
	if err != nil {
		return nil, err
	}
	return &outside{Line: l, mint: m, way: c.Way, batch: c.Batch}, nil
}

// hangUp closes the connections of callers that have one.
func hangUp(callers []caller) (err error) {
	for _, c := range callers {
		if closer, ok := c.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
	}
	return err
}

// inside is a caller in the node's own process.
type inside struct {
	node  *node.Node
	by    node.Caller
	mint  *mint
	batch int
}

// post implements caller.
func (c *inside) post(ctx context.Context) (int, error) {
	_, err := c.node.Post(ctx, c.by, "", c.mint.batch(c.batch).Encode())
	return c.batch, err
}

// outside is a caller with a connection to the node's API.
type outside struct {
	*Line
	mint  *mint
	way   Way
	batch int
	body  []byte
}

// post implements caller. A batch is carried out whole or refused whole, and a refusal has
// another status.
func (c *outside) post(context.Context) (int, error) {
	switch c.way {
	case HTTP:
		c.body = appendJSON(c.body[:0], c.mint.transfer(c.mint.now().UnixMilli()))
	case Bulk:
		c.body = c.bulk(c.body[:0])
	default:
		c.body = c.mint.batch(c.batch).Encode()
	}
	_, err := c.Ask(c.body)
	return c.batch, err
}

// bulk writes a batch as JSON.
func (c *outside) bulk(buf []byte) []byte {
	now := c.mint.now().UnixMilli()
	buf = append(buf, `{"mode":"all","items":[`...)
	for i := range c.batch {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendJSON(buf, c.mint.transfer(now))
	}
	return append(buf, "]}"...)
}

// appendJSON writes a transfer as the API takes it.
func appendJSON(buf []byte, i *ledger.Instruction) []byte {
	buf = append(buf, `{"id":"`...)
	buf = ledger.TransferID(i.ID).Append(buf)
	buf = append(buf, `","debit":"`...)
	buf = i.Debit.Append(buf)
	buf = append(buf, `","credit":"`...)
	buf = i.Credit.Append(buf)
	buf = append(buf, `","amount":{"currency":"KRW","value":"`...)
	buf = strconv.AppendUint(buf, i.AmountLow, 10)
	buf = append(buf, `"},"code":`...)
	buf = strconv.AppendUint(buf, uint64(i.Code), 10)
	return append(buf, '}')
}
