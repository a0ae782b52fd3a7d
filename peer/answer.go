package peer

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"seyfert/wire"
)

// Limits of the answers to a batch.
const (
	// AnswersBytesMax is the longest body of answers in bytes.
	AnswersBytesMax = 512 << 10
	// OutcomeBytesMax, CodeBytesMax and DetailBytesMax bound the texts of one Answer; in
	// the worst case, each byte of all of them escaped, a full batch still fits.
	OutcomeBytesMax = 32
	// CodeBytesMax bounds Answer.Code.
	CodeBytesMax = 8
	// DetailBytesMax bounds Answer.Detail.
	DetailBytesMax = 200
)

// batchFrame is what of a batch is no message.
const batchFrame = len(`{"messages":[]}`)

// Answer is what the receiver of one message says about it. The same message always gets the
// same Answer.
type Answer struct {
	// Status is an HTTP status code: 200 taken (now or before), 409 in contradiction with what
	// came before, 422 refused, and so on.
	Status int `json:"status"`
	// Outcome is one lower-case word, or words joined by "_", such as "accepted".
	Outcome string `json:"outcome"`
	// Code is an ILP-style code such as "T04" with a refusal (RFC 9457 member "code").
	Code string `json:"code,omitempty"`
	// Detail is a sentence for an operator (RFC 9457), without personal data or control
	// characters: it will stand in a log.
	Detail string `json:"detail,omitempty"`
	// ExpectedSeq and ExpectedHash come with a 409: the seq and prev that would be taken, or,
	// for an id that was used before, the hash of the message that was taken under it.
	ExpectedSeq uint64 `json:"expectedSeq,omitempty"`
	// ExpectedHash is described at ExpectedSeq; zero for none.
	ExpectedHash wire.Digest `json:"expectedHash,omitzero"`
	// GotHash is the hash of the contradicting message; with ExpectedHash it is evidence.
	GotHash wire.Digest `json:"gotHash,omitzero"`
}

// answers is the body of an answer to a batch.
type answers struct {
	Results []Answer `json:"results"`
}

// Fit says how many of the first messages one Post can carry: at most wire.MessageBatchMax of
// them, and wire.BatchBytesMax bytes of body.
func Fit(jws []string) int {
	size := batchFrame
	for i, text := range jws {
		size += len(text) + len(`"",`)
		// The last message has no comma after it.
		if i == wire.MessageBatchMax || size-1 > wire.BatchBytesMax {
			return i
		}
	}
	return len(jws)
}

// EncodeAnswers writes the body that answers a batch: {"results":[...]} in the order of the
// messages. Answers that ParseAnswers would refuse are an error.
func EncodeAnswers(list []Answer) ([]byte, error) {
	if err := checkAnswers(list); err != nil {
		return nil, err
	}
	body, err := wire.JCS(answers{Results: list})
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	return body, nil
}

// ParseAnswers reads such a body as strictly as EncodeAnswers writes it.
func ParseAnswers(body []byte) ([]Answer, error) {
	if len(body) > AnswersBytesMax {
		return nil, fmt.Errorf("answers: %d bytes, more than %d", len(body), AnswersBytesMax)
	}
	var a answers
	if err := wire.UnmarshalJCS(body, &a); err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	if err := checkAnswers(a.Results); err != nil {
		return nil, err
	}
	return a.Results, nil
}

// checkAnswers checks the number of answers and each of them.
func checkAnswers(list []Answer) error {
	if len(list) < 1 || len(list) > wire.MessageBatchMax {
		return fmt.Errorf("answers: %d, want 1 to %d", len(list), wire.MessageBatchMax)
	}
	for i, a := range list {
		if field := a.fault(); field != "" {
			return fmt.Errorf("answers: %d: bad %s", i, field)
		}
	}
	return nil
}

// fault names the first member of a that is out of its bounds, or is empty.
func (a Answer) fault() string {
	switch {
	case a.Status < http.StatusOK || a.Status > 599:
		return "status"
	case a.Outcome == "" || len(a.Outcome) > OutcomeBytesMax || !only(a.Outcome, isWord):
		return "outcome"
	case len(a.Code) > CodeBytesMax || !only(a.Code, isCode):
		return "code"
	case len(a.Detail) > DetailBytesMax || !utf8.ValidString(a.Detail) ||
		strings.ContainsFunc(a.Detail, unicode.IsControl):
		return "detail"
	case a.ExpectedSeq > wire.JCSIntegerMax:
		return "expectedSeq"
	}
	return ""
}

// only says whether each byte of a text is allowed.
func only(text string, allowed func(byte) bool) bool {
	for i := range len(text) {
		if !allowed(text[i]) {
			return false
		}
	}
	return true
}

func isWord(c byte) bool { return 'a' <= c && c <= 'z' || c == '_' }

func isCode(c byte) bool { return 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' }
