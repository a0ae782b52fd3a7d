package api

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"seyfert/fault"
	"seyfert/ledger"
	"seyfert/node"
	"seyfert/wire"
)

const tagBooks = "books"

// keepers are those who keep books.
func keepers() []role { return []role{operator, company} }

func (g *gate) mountBooks() {
	g.mountTransfers()
	g.mountHolds()
	g.mountExchanges()
	g.mountAccounts()
	g.mountBookReads()
	g.mountMetadata()
}

func (g *gate) mountTransfers() {
	transfer := reflect.TypeFor[node.BookTransfer]()
	g.direct(direct{
		operation: operation{
			id: "createTransfer", method: http.MethodPost, path: "/v1/transfers", tag: tagBooks,
			summary: "Move money between accounts of the books", status: http.StatusCreated,
			roles: keepers(),
		},
		body: reflect.TypeFor[newTransfer](), answer: transfer,
		handle: func(c order) (reply, error) {
			return g.postTransfer(c, single{action: ledger.ActPost, allowed: itemParts &^
				setOf(mAction, mHold, mTransfer, mMore, mLinked, mExpires)})
		},
	})
	g.direct(direct{
		operation: operation{
			id: "reverseTransfer", method: http.MethodPost, path: "/v1/transfers/{id}/reverse",
			tag: tagBooks, summary: "Post the counter-entry of a transfer",
			status: http.StatusCreated, roles: keepers(),
		},
		body: reflect.TypeFor[newReversal](), answer: transfer, optional: true,
		handle: func(c order) (reply, error) {
			return g.postTransfer(c, single{
				action: ledger.ActReverse, related: mTransfer,
				allowed: setOf(mID, mCode, mEffective, mReference, mMetadata),
			})
		},
	})
	g.direct(direct{
		operation: operation{
			id: "createTransfers", method: http.MethodPost, path: pathBulk, tag: tagBooks,
			summary: "Carry out up to 10,000 instructions at once", status: http.StatusOK,
			roles: keepers(),
		},
		body: reflect.TypeFor[newBatch](), answer: reflect.TypeFor[batchResults](),
		binary: true, handle: g.postBatch,
	})
}

func (g *gate) mountHolds() {
	hold := reflect.TypeFor[node.BookHold]()
	g.direct(direct{
		operation: operation{
			id: "createHold", method: http.MethodPost, path: "/v1/holds", tag: tagBooks,
			summary: "Reserve money to move later", status: http.StatusCreated,
			roles: keepers(),
		},
		body: reflect.TypeFor[newHold](), answer: hold,
		handle: func(c order) (reply, error) {
			composed, err := g.compose(c, single{action: ledger.ActHold, allowed: setOf(
				mID, mDebit, mCredit, mAmount, mExpires, mCode, mReference, mMetadata)})
			if err != nil {
				return reply{}, err
			}
			made, created, err := g.node.PostHold(c.ctx, c.by, composed.bound(), composed.batch)
			return replyOnce(made, created, composed.worded(err))
		},
	})
	g.direct(direct{
		operation: operation{
			id: "captureHold", method: http.MethodPost, path: "/v1/holds/{id}/capture",
			tag: tagBooks, summary: "Move what a hold reserved, or a part of it",
			status: http.StatusCreated, roles: keepers(),
		},
		body: reflect.TypeFor[newCapture](), answer: reflect.TypeFor[node.BookTransfer](),
		optional: true,
		handle: func(c order) (reply, error) {
			return g.postTransfer(c, single{
				action: ledger.ActCapture, related: mHold, allowed: setOf(mID, mAmount, mMore,
					mLegs, mCode, mEffective, mReference, mMetadata),
			})
		},
	})
	g.direct(direct{
		operation: operation{
			id: "voidHold", method: http.MethodPost, path: "/v1/holds/{id}/void", tag: tagBooks,
			summary: "Free what a hold reserved", status: http.StatusOK, roles: keepers(),
		},
		body: reflect.TypeFor[newVoid](), answer: hold, optional: true,
		handle: func(c order) (reply, error) {
			composed, err := g.compose(c, single{
				action: ledger.ActVoid, related: mHold, allowed: setOf(mID),
			})
			if err != nil {
				return reply{}, err
			}
			freed, err := g.node.PostVoid(c.ctx, c.by, composed.bound(), composed.batch)
			return replyOnce(freed, false, composed.worded(err))
		},
	})
}

// single says how a request of one item is read.
type single struct {
	action  ledger.Action
	allowed partSet
	// related is the member that the path's id stands for; mID for none.
	related part
}

// compose reads a request of one item into a batch.
func (g *gate) compose(c order, s single) (*composer, error) {
	var w words
	if len(c.body) > 0 || s.related == mID {
		if err := readItem(c.body, &w, s.allowed); err != nil {
			return nil, err
		}
		if refused := checkTexts(&w); refused != nil {
			return nil, refused
		}
	}
	if s.related != mID {
		id := c.path("id")
		if !isID(s.related, id) {
			return nil, newProblem(string(fault.NotFound), "id",
				"There is nothing with this id.")
		}
		w.text[s.related] = []byte(id)
		w.has |= 1 << s.related
	}
	w.text[mAction] = actionWord(s.action)
	w.has |= 1 << mAction
	composed := &composer{
		node: g.node, by: c.by, key: c.key, batch: ledger.NewBatch(ledger.All, 1), single: true,
	}
	if refused := composed.add(&w); refused != nil {
		return nil, refused
	}
	return composed, nil
}

func isID(m part, text string) bool {
	if m == mHold {
		_, err := wire.ParseID[ledger.HoldKind](text)
		return err == nil
	}
	_, err := wire.ParseID[ledger.TransferKind](text)
	return err == nil
}

func actionWord(a ledger.Action) []byte {
	return []byte([...]string{
		ledger.ActPost: "post", ledger.ActHold: "hold", ledger.ActCapture: "capture",
		ledger.ActVoid: "void", ledger.ActReverse: "reverse",
	}[a])
}

// readItem reads a body that is one item: fast if it is of the usual form.
func readItem(body []byte, w *words, allowed partSet) error {
	s := scanner{data: body}
	if s.object(w, allowed) && s.end() {
		return nil
	}
	*w = words{}
	if err := wholeJSON(body); err != nil {
		return err
	}
	return walker{jsontext.NewDecoder(bytes.NewReader(body))}.object("", w, allowed)
}

// postTransfer carries out a request of one transfer.
func (g *gate) postTransfer(c order, s single) (reply, error) {
	composed, err := g.compose(c, s)
	if err != nil {
		return reply{}, err
	}
	transfer, created, err := g.node.PostTransfer(c.ctx, c.by, composed.bound(), composed.batch)
	return replyTransfer(transfer, created, composed.worded(err))
}

// fieldWord says the field of a refusal of the ledger in the words of a request of an action. In a
// bulk the id of a hold or transfer stands in the body, elsewhere in the path.
func fieldWord(f *fault.Error, a ledger.Action, bulk bool) string {
	inPath := func(name string) string {
		if bulk {
			return name
		}
		return "id"
	}
	switch f.Field {
	case "effective", "expires":
		if f.Reason == fault.HoldExpired {
			return inPath("hold")
		}
		return f.Field + "_at"
	case "account":
		return "credit"
	case "floor", "ceiling", "velocity":
		return "amount"
	case "currency":
		return "amount.currency"
	case "amount":
		if a == ledger.ActReverse {
			return inPath("transfer") // there is no amount in the request
		}
		if a == ledger.ActCapture || a == ledger.ActHold || a == ledger.ActPost {
			return "amount"
		}
	case "hold":
		if f.Reason == fault.HoldExceeded {
			return "amount"
		}
		if a == ledger.ActHold {
			return "id"
		}
		return inPath("hold")
	case "transfer":
		return inPath("transfer")
	case "debit", "credit":
		if a == ledger.ActReverse {
			return inPath("transfer")
		}
	}
	return f.Field
}

// newAccount is the body of POST /v1/accounts.
type newAccount struct {
	ID       string              `json:"id,omitempty" minLength:"30" maxLength:"30"`
	Owner    string              `json:"owner,omitempty" minLength:"1" maxLength:"64"`
	Code     uint16              `json:"code,omitempty" maximum:"65535"`
	Kind     string              `json:"kind" enum:"asset,liability,equity,income,expense"`
	Currency string              `json:"currency" minLength:"3" maxLength:"3"`
	Flags    []string            `json:"flags,omitempty" maxItems:"3"`
	Limits   *node.AccountLimits `json:"limits,omitempty"`
	Name     string              `json:"name,omitempty" minLength:"1" maxLength:"256"`
	Metadata map[string]string   `json:"metadata,omitempty"`
}

// newAccounts is the body of POST /v1/accounts/bulk.
type newAccounts struct {
	Accounts []newAccount `json:"accounts" minItems:"1"`
}

// changedAccount is the body of PATCH /v1/accounts/{id}.
type changedAccount struct {
	Flags  *[]string           `json:"flags,omitempty" maxItems:"4"`
	Limits *node.AccountLimits `json:"limits,omitempty"`
}

func (g *gate) mountAccounts() {
	register(g, operation{
		id: "createAccount", method: http.MethodPost, path: "/v1/accounts", tag: tagBooks,
		summary: "Open an account of the books", status: http.StatusCreated, roles: keepers(),
	}, func(ctx context.Context, in *struct {
		Idempotent
		Body newAccount
	},
	) (*answer[node.BookAccount], error) {
		request, err := in.request("createAccount", in.Body)
		if err != nil {
			return nil, err
		}
		opened, err := g.openAccounts(ctx, request, []newAccount{in.Body})
		if err != nil {
			return nil, unplaced(err, "accounts[0].")
		}
		return respond(opened[0], nil)
	})
	register(g, operation{
		id: "createAccounts", method: http.MethodPost, path: pathAccountsBulk, tag: tagBooks,
		summary: "Open up to 1,000 accounts, all or none", status: http.StatusCreated,
		roles: keepers(),
	}, func(ctx context.Context, in *struct {
		Idempotent
		Body newAccounts
	},
	) (*answer[list[node.BookAccount]], error) {
		request, err := in.request("createAccounts", in.Body)
		if err != nil {
			return nil, err
		}
		return respondList(g.openAccounts(ctx, request, in.Body.Accounts))
	})
	register(g, operation{
		id: "changeAccount", method: http.MethodPatch, path: "/v1/accounts/{id}", tag: tagBooks,
		summary: "Set the flags and limits of an account", roles: keepers(),
	}, func(ctx context.Context, in *struct {
		ID   string `path:"id"`
		Body changedAccount
	},
	) (*answer[node.BookAccount], error) {
		account, err := g.node.SetAccount(ctx, callerOf(ctx), in.ID, node.AccountChange{
			Flags: in.Body.Flags, Limits: in.Body.Limits,
		})
		return respond(account, limitWords(renamed(err, map[string]string{"account": "id"})))
	})
}

// openAccounts opens what the bodies say.
func (g *gate) openAccounts(ctx context.Context, r node.Request, bodies []newAccount) (
	[]node.BookAccount, error,
) {
	if len(bodies) > node.AccountsMax {
		return nil, fault.New(fault.TooLarge, "accounts", "At most %d accounts are opened at once.",
			node.AccountsMax).Because(fault.TooManyItems)
	}
	accounts := make([]node.NewAccount, len(bodies))
	for i, b := range bodies {
		a := node.NewAccount{
			Owner: b.Owner, Code: b.Code, Kind: b.Kind, Currency: b.Currency, Flags: b.Flags,
			Name: b.Name, Metadata: b.Metadata,
		}
		if b.Limits != nil {
			a.Limits = *b.Limits
		}
		if b.ID != "" {
			var err error
			if a.ID, err = wire.ParseID[ledger.AccountKind](b.ID); err != nil {
				return nil, invalid(placed("accounts", i)+".id",
					"This is not the id of an account: acc_ and 26 characters.")
			}
		}
		accounts[i] = a
	}
	opened, err := g.node.OpenAccounts(ctx, callerOf(ctx), r, accounts)
	return opened, limitWords(err)
}

// unplaced takes the place in a list off a refusal's field.
func unplaced(err error, place string) error {
	if refused, ok := fault.Of(err); ok {
		return refused.At(strings.TrimPrefix(refused.Field, place))
	}
	return err
}

// limitWords names the member of limits where the ledger names the limit, and the id of a new
// account where it names the account.
func limitWords(err error) error {
	refused, ok := fault.Of(err)
	if !ok {
		return err
	}
	at := strings.LastIndexByte(refused.Field, '.') + 1
	switch name := refused.Field[at:]; name {
	case "floor", "ceiling", "velocity":
		return refused.At(strings.TrimSuffix(refused.Field[:at], "limits.") + "limits." + name)
	case "account":
		return refused.At(refused.Field[:at] + "id")
	}
	return err
}
