package api

// The JSON forms of requests that move money, as the document describes them. They are read by
// booksscan.go and bookswalk.go, which know the same members.

// newLeg is one leg of a transfer.
type newLeg struct {
	Debit     string `json:"debit"`
	Credit    string `json:"credit"`
	Amount    amount `json:"amount"`
	Balancing string `json:"balancing,omitempty" enum:"debit,credit,both"`
}

// newTransfer is the body of POST /v1/transfers: one leg in debit, credit and amount, or several
// in legs.
type newTransfer struct {
	ID        string            `json:"id,omitempty" doc:"txn_..., chosen by the caller"`
	Debit     string            `json:"debit,omitempty"`
	Credit    string            `json:"credit,omitempty"`
	Amount    *amount           `json:"amount,omitempty"`
	Balancing string            `json:"balancing,omitempty" enum:"debit,credit,both"`
	Legs      []newLeg          `json:"legs,omitempty" doc:"at most 1,024"`
	Code      uint16            `json:"code,omitempty" doc:"the reason, by the caller's numbers"`
	Effective string            `json:"effective_at,omitempty" format:"date-time"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// newReversal is the body of POST /v1/transfers/{id}/reverse.
type newReversal struct {
	ID        string            `json:"id,omitempty" doc:"txn_... of the counter-entry"`
	Code      uint16            `json:"code,omitempty"`
	Effective string            `json:"effective_at,omitempty" format:"date-time"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// newHold is the body of POST /v1/holds.
type newHold struct {
	ID        string            `json:"id,omitempty" doc:"hld_..., chosen by the caller"`
	Debit     string            `json:"debit"`
	Credit    string            `json:"credit"`
	Amount    amount            `json:"amount"`
	Expires   string            `json:"expires_at,omitempty" format:"date-time"`
	Code      uint16            `json:"code,omitempty"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// newCapture is the body of POST /v1/holds/{id}/capture.
type newCapture struct {
	ID        string            `json:"id,omitempty" doc:"txn_... of the transfer"`
	Amount    *amount           `json:"amount,omitempty" doc:"absent: all that is left"`
	More      bool              `json:"more,omitempty" doc:"the rest stays held"`
	Legs      []newLeg          `json:"legs,omitempty" doc:"further legs of the same transfer"`
	Code      uint16            `json:"code,omitempty"`
	Effective string            `json:"effective_at,omitempty" format:"date-time"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// newVoid is the body of POST /v1/holds/{id}/void.
type newVoid struct {
	ID string `json:"id,omitempty" doc:"txn_..., a name for the request alone"`
}

// newBatch is the body of POST /v1/transfers/bulk.
type newBatch struct {
	Mode  string    `json:"mode" enum:"all,each" doc:"all or nothing, or each for itself"`
	Items []newItem `json:"items" doc:"1 to 10,000"`
}

// newItem is one item of a bulk. Which members belong to it depends on the action.
type newItem struct {
	Action    string            `json:"action,omitempty" enum:"post,hold,capture,void,reverse"`
	ID        string            `json:"id,omitempty" doc:"txn_..., or hld_... of a new hold"`
	Debit     string            `json:"debit,omitempty"`
	Credit    string            `json:"credit,omitempty"`
	Amount    *amount           `json:"amount,omitempty"`
	Balancing string            `json:"balancing,omitempty" enum:"debit,credit,both"`
	Legs      []newLeg          `json:"legs,omitempty"`
	Hold      string            `json:"hold,omitempty" doc:"of a capture or void"`
	Transfer  string            `json:"transfer,omitempty" doc:"of a reversal"`
	More      bool              `json:"more,omitempty"`
	Linked    bool              `json:"linked,omitempty" doc:"with the next item, or not at all"`
	Code      uint16            `json:"code,omitempty"`
	Effective string            `json:"effective_at,omitempty" format:"date-time"`
	Expires   string            `json:"expires_at,omitempty" format:"date-time"`
	Reference string            `json:"reference,omitempty" maxLength:"128"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// batchResults is the answer to a bulk.
type batchResults struct {
	Results []batchResult `json:"results"`
}

// batchResult is what became of one item.
type batchResult struct {
	Status  string   `json:"status" enum:"created,exists,refused"`
	ID      string   `json:"id"`
	Number  uint64   `json:"number,omitempty" doc:"its first place in history"`
	Amount  *amount  `json:"amount,omitempty" doc:"moved, held or freed by the first leg"`
	Problem *Problem `json:"problem,omitempty" doc:"of a refused item"`
}
