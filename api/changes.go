package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"seyfert/fault"
	"seyfert/node"
)

const (
	// pathChanges is the change stream.
	pathChanges = "/v1/changes"
	// typeStream is the media type of server-sent events (HTML Living Standard, 9.2).
	typeStream = "text/event-stream"
	// headerLastEvent is what a reader of server-sent events saw last.
	headerLastEvent = "Last-Event-ID"
)

// following is what is asked of the change stream.
type following struct {
	From  uint64 `query:"from" doc:"number of the first change wanted: next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"2000" default:"200" doc:"changes of one page"`
	Wait  int    `query:"wait" minimum:"0" maximum:"20" default:"0" doc:"seconds to wait for one"`
	Last  string `header:"Last-Event-ID" doc:"id of the last event that was seen of a stream"`
}

// writing is an answer that is written by its own hand.
type writing struct{ Body func(huma.Context) }

func (g *gate) mountChanges() {
	g.mountEntries()
	register(g, operation{
		id: "followChanges", method: http.MethodGet, path: pathChanges, tag: tagBooks,
		summary: "Follow the history of the books, by pages or as a stream of events",
		roles:   keepers(),
	}, g.followChanges)
	schema := g.huma.OpenAPI().Components.Schemas.Schema(
		reflect.TypeFor[node.ChangePage](), true, "ChangePage")
	g.huma.OpenAPI().Paths[pathChanges].Get.Responses["200"] = &huma.Response{
		Description: "A page of changes; or, if Accept is " + typeStream + ", an event for each " +
			"change, with its number as id and the change as data, until the connection ends",
		Content: map[string]*huma.MediaType{
			typeJSON: {Schema: schema}, typeStream: {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}
	register(g, operation{
		id: "followDetails", method: http.MethodGet, path: pathChanges + "/details",
		tag: tagBooks, summary: "List accounts and metadata in the order in which they changed",
		roles: keepers(),
	}, func(ctx context.Context, in *struct {
		From  uint64 `query:"from" doc:"number of the first detail wanted"`
		Limit int    `query:"limit" minimum:"1" maximum:"500" default:"200"`
	},
	) (*answer[node.DetailPage], error) {
		return respond(g.node.Details(callerOf(ctx), in.From, in.Limit))
	})
}

// mountEntries reads history as it stands, by the same lines as the stream.
func (g *gate) mountEntries() {
	register(g, operation{
		id: "listBookEntries", method: http.MethodGet, path: "/v1/entries", tag: tagBooks,
		summary: "List the history of the books, oldest first", roles: keepers(),
	}, func(ctx context.Context, in *struct {
		From  uint64    `query:"from" doc:"number of the first entry wanted"`
		Since time.Time `query:"since" doc:"only what was recorded at this time or later"`
		Limit int       `query:"limit" minimum:"1" maximum:"2000" default:"200"`
	},
	) (*answer[node.ChangePage], error) {
		from := in.From
		if !in.Since.IsZero() {
			from = max(from, g.node.NumberAt(in.Since))
		}
		return respond(g.node.Changes(callerOf(ctx), from, in.Limit))
	})
	register(g, operation{
		id: "getBookEntry", method: http.MethodGet, path: "/v1/entries/{number}", tag: tagBooks,
		summary: "Read one entry of the books", roles: keepers(),
	}, func(ctx context.Context, in *struct {
		Number string `path:"number"`
	},
	) (*answer[node.Change], error) {
		// What is no number names nothing: there is no entry 0.
		number, err := strconv.ParseUint(in.Number, 10, 64)
		if err != nil {
			number = 0
		}
		return respond(g.node.Change(callerOf(ctx), number))
	})
}

// followChanges answers with a page, or with a stream to whoever takes nothing else.
func (g *gate) followChanges(ctx context.Context, in *following) (*writing, error) {
	from := in.From
	if in.Last != "" {
		last, err := strconv.ParseUint(in.Last, 10, 63)
		if err != nil {
			return nil, fault.New(fault.Invalid, headerLastEvent, "This is no id of an event.")
		}
		from = last + 1
	}
	by := callerOf(ctx)
	return &writing{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		if takesStream(r) {
			g.stream(w, r, by, from)
			return
		}
		within, cancel := Waiting{Wait: in.Wait}.within(ctx)
		defer cancel()
		page, err := g.node.WaitChanges(within, by, from, in.Limit)
		if err != nil {
			g.write(w, r, err)
			return
		}
		w.Header().Set("Content-Type", typeJSON)
		_ = writeJSON(w, page) // a page is always JSON
	}}, nil
}

// takesStream says whether a request asks for server-sent events.
func takesStream(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			media, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(media), typeStream) {
				return true
			}
		}
	}
	return false
}

// Limits of streams of changes. What a stream has in memory is one page of them, however slow its
// reader is.
const (
	// StreamsMax bounds the streams of all callers, StreamsPerCallerMax those of one.
	StreamsMax          = 256
	StreamsPerCallerMax = 16
	// StreamPageMax bounds the changes that a stream reads at a time.
	StreamPageMax = 256
	// StreamWriteMax is how long a reader may take to take up one page. Then its stream is closed,
	// and it may come back with the id of the last event that it saw.
	StreamWriteMax = 10 * time.Second
	// streamBeat is how often a stream says that it lives where nothing changes.
	streamBeat = 15 * time.Second
)

// Streams says how streams of changes are paced. The zero value means the limits above.
type Streams struct {
	// Write replaces StreamWriteMax, Beat the pause between signs of life.
	Write, Beat time.Duration
}

func (s Streams) orDefault() Streams {
	if s.Write == 0 {
		s.Write = StreamWriteMax
	}
	if s.Beat == 0 {
		s.Beat = streamBeat
	}
	return s
}
