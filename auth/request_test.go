package auth_test

import (
	"crypto/rand"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"seyfert/auth"
)

func TestBearer(t *testing.T) {
	full := strings.Repeat("a", auth.TokenMax)
	tests := []struct {
		headers []string
		want    string
		ok      bool
	}{
		{[]string{"Bearer sk_test_abc-DEF_019"}, "sk_test_abc-DEF_019", true},
		{[]string{"bearer abc"}, "abc", true},
		{[]string{"BEARER abc"}, "abc", true},
		{[]string{"Bearer " + full}, full, true},
		{[]string{"Bearer " + full + "a"}, "", false},
		{nil, "", false},
		{[]string{""}, "", false},
		{[]string{"Bearer"}, "", false},
		{[]string{"Bearer "}, "", false},
		{[]string{"Bearer  abc"}, "", false},
		{[]string{"Bearer abc "}, "", false},
		{[]string{"Bearer abc, Bearer def"}, "", false},
		{[]string{"Bearer abc", "Bearer abc"}, "", false},
		{[]string{"Basic abc"}, "", false},
		{[]string{"abc"}, "", false},
		{[]string{"Bearer a\x00c"}, "", false},
		{[]string{"Bearer 토큰"}, "", false},
	}
	for _, test := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = test.headers
		got, ok := auth.Bearer(r)
		if got != test.want || ok != test.ok {
			t.Errorf("Bearer(%.60q) = %.60q, %v, want %.60q, %v",
				test.headers, got, ok, test.want, test.ok)
		}
	}
}

func TestSetCookie(t *testing.T) {
	token := auth.Secret("mst_abc")
	tests := map[bool]string{
		true:  "__Host-seyfert=mst_abc; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
		false: "seyfert=mst_abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
	}
	for secure, want := range tests {
		w := httptest.NewRecorder()
		auth.SetCookie(w, secure, token, time.Hour)
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("Set-Cookie = %q, want %q", got, want)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("an answer with a session may be cached")
		}
		w = httptest.NewRecorder()
		auth.ClearCookie(w, secure)
		if got := w.Header().Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
			t.Errorf("clearing sends %q", got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a cookie without a life did not panic")
		}
	}()
	auth.SetCookie(httptest.NewRecorder(), true, token, 0)
}

func TestCookie(t *testing.T) {
	long := strings.Repeat("a", auth.TokenMax)
	tests := []struct {
		secure bool
		header string
		want   string
	}{
		{false, "seyfert=abc", "abc"},
		{false, "other=1; seyfert=abc; more=2", "abc"},
		{false, "seyfert=" + long, long},
		{false, "seyfert=" + long + "a", ""},
		{false, "__Host-seyfert=abc", ""},
		{false, "seyfert=abc; seyfert=def", ""},
		{false, "seyfert=", ""},
		{false, "seyfert=a b", ""},
		{false, "seyfert=a%20b", ""},
		{true, "__Host-seyfert=abc", "abc"},
		{true, "__Host-seyfert=abc; seyfert=def", "abc"},
		{true, "seyfert=abc", ""},
		{true, "__host-seyfert=abc", ""},
		{true, "", ""},
	}
	for _, test := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", test.header)
		got, ok := auth.Cookie(r, test.secure)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Cookie(%.60q, %v) = %.60q, %v", test.header, test.secure, got, ok)
		}
	}
}

// TestCookieOverHTTP takes a session through a real server and a browser's cookie rules.
func TestCookieOverHTTP(t *testing.T) {
	token, _, err := auth.NewToken(rand.Reader, "mst")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, _ *http.Request) {
		auth.SetCookie(w, false, token, time.Minute)
	})
	mux.HandleFunc("POST /out", func(w http.ResponseWriter, _ *http.Request) {
		auth.ClearCookie(w, false)
	})
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) {
		if got, ok := auth.Cookie(r, false); !ok || got != string(token) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	who := func(want int) {
		t.Helper()
		resp, err := client.Get(server.URL + "/who")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	post := func(path string) {
		t.Helper()
		resp, err := client.PostForm(server.URL+path, url.Values{})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	who(http.StatusUnauthorized)
	post("/in")
	who(http.StatusOK)
	post("/out")
	who(http.StatusUnauthorized)
}
