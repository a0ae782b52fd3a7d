package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Transfer reads a transfer between two nodes. For the operator and those whose it is.
func (c *Client) Transfer(ctx context.Context, id string) (Transfer, error) {
	var t Transfer
	err := c.get(ctx, "/v1/transfers/"+url.PathEscape(id), nil, &t)
	return t, err
}

// Proof exports the offline proof of a cleared transfer, once its day's anchor is in a block:
// the bytes that `seyfert verify` reads. For the operator and those whose transfer it is.
func (c *Client) Proof(ctx context.Context, transfer string) ([]byte, error) {
	return c.bytes(ctx, call{
		method: http.MethodGet, path: "/v1/transfers/" + url.PathEscape(transfer) + "/proof",
	})
}

// EntryProof exports the offline proof of one entry of the node's history by its number: a leg
// that was posted or a change of a hold, once its day's anchor is in a block. It shows both
// accounts with their balances. For the operator, and for the owner of one of the accounts where
// the other is the owner's too or the node's.
func (c *Client) EntryProof(ctx context.Context, number uint64) ([]byte, error) {
	return c.bytes(ctx, call{
		method: http.MethodGet,
		path:   "/v1/entries/" + strconv.FormatUint(number, 10) + "/proof",
	})
}

// The bytes of a block header, and where in them the hash of the header before it stands.
const (
	headerSize  = 80
	headerPrev  = 4
	headersPage = 10_000 // headers that a node gives at once
)

// errMoved says that the chain was reorganised between two pages of headers.
var errMoved = errors.New("client: the chain was reorganised while its headers were read")

// Headers gets all of the chain's headers from genesis, 80 bytes each, as the node checked them.
// It reads them in pages, and again from the first one if the chain was reorganised meanwhile.
func (c *Client) Headers(ctx context.Context) ([]byte, error) {
	for try := 1; ; try++ {
		headers, err := c.headers(ctx)
		if !errors.Is(err, errMoved) || try == TriesMax {
			return headers, err
		}
	}
}

// headers reads pages until one is not full, and checks that each follows the one before.
func (c *Client) headers(ctx context.Context) ([]byte, error) {
	var all []byte
	for {
		page, err := c.bytes(ctx, call{
			method: http.MethodGet, path: "/v1/chain/headers",
			query: url.Values{
				"from":  {strconv.Itoa(len(all) / headerSize)},
				"count": {strconv.Itoa(headersPage)},
			},
		})
		if err != nil {
			return nil, err
		}
		if len(page)%headerSize != 0 || len(page) > headersPage*headerSize ||
			len(all)+len(page) > FileBytesMax {
			return nil, fmt.Errorf("client: %d bytes are no page of headers", len(page))
		}
		if len(page) > 0 && len(all) > 0 {
			once := sha256.Sum256(all[len(all)-headerSize:])
			last := sha256.Sum256(once[:])
			if !bytes.Equal(page[headerPrev:headerPrev+len(last)], last[:]) {
				return nil, errMoved
			}
		}
		all = append(all, page...)
		if len(page) < headersPage*headerSize {
			return all, nil
		}
	}
}

// CloseDay closes a day of the node's calendar, such as "2026-11-23"; empty means today. For
// the operator.
func (c *Client) CloseDay(ctx context.Context, day string) (Day, error) {
	body := map[string]string{}
	if day != "" {
		body["day"] = day
	}
	var closed Day
	err := c.post(ctx, "/v1/days/close", body, &closed)
	return closed, err
}

// Days lists the closed days, oldest first.
func (c *Client) Days(ctx context.Context) ([]Day, error) {
	return rows[Day](ctx, c, "/v1/days", nil)
}

// ChainRows lists what the node wrote on the chain, oldest first. For the operator.
func (c *Client) ChainRows(ctx context.Context) ([]ChainRow, error) {
	return rows[ChainRow](ctx, c, "/v1/chain/rows", nil)
}
