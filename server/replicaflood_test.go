package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// made is how many connections a replica has had since its line was last cut.
func (c *cord) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// burst sends requests to one replica at once, and counts the answers by their status.
func (m *member) burst(count int, request func(i int) *http.Request) map[int]int {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: count}, Timeout: 30 * time.Second,
	}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	counts := map[int]int{}
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			status := 0
			if answer, err := client.Do(request(i)); err == nil {
				status = answer.StatusCode
				_ = answer.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
		})
	}
	all.Wait()
	return counts
}

// TestBurst: as many changes as may come at once are brought to the leader by one that follows,
// and none is answered as if nobody led.
func TestBurst(t *testing.T) {
	n := newTrio(t)
	leader, m := n.lead(), n.follow()
	for range 2 {
		counts := m.burst(300, func(i int) *http.Request {
			r, err := http.NewRequest(http.MethodPost, m.url()+"/v1/companies",
				strings.NewReader(fmt.Sprintf(`{"name":"C%d"}`, i)))
			must(t, err)
			r.Header.Set("Authorization", "Bearer "+n.key)
			r.Header.Set("Content-Type", "application/json")
			return r
		})
		if counts[http.StatusCreated] != 300 && leader.takes() {
			t.Errorf("the answers are %v", counts)
		}
	}
}

// TestFlood: strangers who ask one that follows for what is newest cost the leader a question at a
// time, and keep nobody else from it.
func TestFlood(t *testing.T) {
	n := newTrio(t)
	leader, m := n.lead(), n.follow()
	before := leader.line.made()
	var flood sync.WaitGroup
	flood.Go(func() {
		counts := m.burst(600, func(int) *http.Request {
			r, err := http.NewRequest(http.MethodGet, m.url()+"/healthz", nil)
			must(t, err)
			r.Header.Set("Seyfert-At-Least", "now")
			return r
		})
		if counts[http.StatusOK] != 600 && leader.takes() {
			t.Errorf("the answers are %v", counts)
		}
	})
	for i := range 10 {
		answer, text := m.call(http.MethodPost, "/v1/companies", fmt.Sprintf(`{"name":"C%d"}`, i), nil)
		if answer.StatusCode != http.StatusCreated && leader.takes() {
			t.Errorf("meanwhile: %d %s", answer.StatusCode, text)
		}
	}
	flood.Wait()
	if made := leader.line.made() - before; made > 32 {
		t.Errorf("strangers made %d connections between the replicas", made)
	}
}
