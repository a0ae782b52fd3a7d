package api

import (
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"seyfert/node"
	"seyfert/rail/bank"
	"seyfert/wire"
)

// mountBank adds what the bank calls. Its signature is over the exact bytes of the body.
func (g *gate) mountBank() {
	g.plain(huma.Operation{
		OperationID: "postBankNotice", Method: http.MethodPost, Path: "/rail/bank/notices",
		Summary: "Take the bank's notice that money arrived", Tags: []string{"rails"},
		Description: "Signed by the bank with HMAC-SHA256; the same notice again gives the " +
			"same answer.",
		RequestBody: &huma.RequestBody{
			Required: true,
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}},
			},
		},
	}, "application/json", g.postNotice)
}

// postNotice tells the bank only that the notice was taken: whose account it is, is none of
// the bank's business.
func (g *gate) postNotice(r *http.Request, w http.ResponseWriter) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return newProblem(codeMalformed, "body", "The body can't be read.")
	}
	notice, err := g.cfg.Bank.Parse(r.Header, body)
	if err != nil {
		return err
	}
	deposit, err := g.node.TakeNotice(r.Context(), node.Notice{
		Rail: bank.Rail, ID: notice.ID, Bank: notice.Bank, Number: notice.Account,
		Amount: notice.Amount,
	})
	if err != nil {
		return renamed(err, map[string]string{
			"notice": "notice_id", "amount.currency": "currency",
		})
	}
	out, err := wire.JCS(struct {
		Notice string `json:"notice_id"`
		ID     string `json:"id"`
	}{deposit.Notice, deposit.ID})
	if err != nil {
		return errors.New("write the answer to a notice: " + err.Error())
	}
	_, _ = w.Write(out)
	return nil
}
