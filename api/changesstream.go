package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"seyfert/auth"
	"seyfert/fault"
	"seyfert/node"
)

// stream is one reader's stream of changes: owned by the goroutine of its request.
type stream struct {
	g    *gate
	w    http.ResponseWriter
	r    *http.Request
	by   node.Caller
	next uint64 // history number to go on from
	// page is what is being sent.
	page bytes.Buffer
	// checked is when the caller was last known to be allowed to read on.
	checked time.Time
}

// stream sends changes as server-sent events until the reader goes, is too slow or is not allowed
// to any more, or the node closes.
func (g *gate) stream(w http.ResponseWriter, r *http.Request, by node.Caller, from uint64) {
	if !g.streams.take(by.ID) {
		p := newProblem(string(fault.TooMany), "", "Too many streams are open.")
		p.retry = 1
		g.write(w, r, p)
		return
	}
	defer g.streams.release(by.ID)
	w.Header().Set("Content-Type", typeStream)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that gathers answers would hold them back
	w.WriteHeader(http.StatusOK)
	s := &stream{g: g, w: w, r: r, by: by, next: max(from, 1), checked: time.Now()}
	// The first bytes tell the reader at once that it is heard, and how soon to come back.
	s.page.WriteString("retry: 1000\n\n")
	for s.send() && s.turn() {
	}
}

// turn waits for changes and puts them, or a sign of life, into the page. It says whether the
// stream goes on.
func (s *stream) turn() bool {
	beat := s.g.cfg.Streams.Beat
	ctx, cancel := context.WithTimeout(s.r.Context(), beat)
	defer cancel()
	page, err := s.g.node.WaitChanges(ctx, s.by, s.next, StreamPageMax)
	if err != nil || s.r.Context().Err() != nil {
		return false
	}
	select {
	case <-s.g.node.Ended():
		return false
	default:
	}
	if time.Since(s.checked) >= beat {
		if !s.allowed() {
			return false
		}
		s.checked = time.Now()
	}
	encoder := json.NewEncoder(&s.page)
	encoder.SetEscapeHTML(false)
	for i := range page.Changes {
		s.id(page.Changes[i].Number)
		s.page.WriteString("data: ")
		if encoder.Encode(&page.Changes[i]) != nil { // it ends the line
			return false
		}
		s.page.WriteByte('\n')
	}
	s.next = page.Next
	if len(page.Changes) == 0 {
		// An id alone is no event, but what a reader comes back with: nothing that it may not
		// see is looked through twice.
		s.id(s.next - 1)
		s.page.WriteByte('\n')
	}
	return true
}

func (s *stream) id(number uint64) {
	s.page.WriteString("id: ")
	s.page.Write(strconv.AppendUint(s.page.AvailableBuffer(), number, 10))
	s.page.WriteByte('\n')
}

// send sends the page, in the time that a reader has for one.
func (s *stream) send() bool {
	controller := http.NewResponseController(s.w)
	// Not every server can set deadlines; those that can not have their own.
	_ = controller.SetWriteDeadline(time.Now().Add(s.g.cfg.Streams.Write))
	_, err := s.w.Write(s.page.Bytes())
	if err == nil {
		err = controller.Flush()
	}
	s.page.Reset()
	return err == nil
}

// allowed says whether the key that opened the stream still stands.
func (s *stream) allowed() bool {
	token, ok := auth.Bearer(s.r)
	if !ok {
		return false
	}
	by, err := s.g.node.Authenticate(token)
	return err == nil && by.ID == s.by.ID
}
