package server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"seyfert/server"
)

// readBack is what is read of a configuration that stands in a file.
func readBack(t *testing.T, path string, cfg server.Config) (server.Config, error) {
	t.Helper()
	text, err := json.Marshal(cfg)
	must(t, err)
	must(t, os.WriteFile(path, text, 0o600))
	return server.ReadConfig(path)
}

// TestBackupOfRelativeDir: the node's own directory is refused by whatever name it is known.
func TestBackupOfRelativeDir(t *testing.T) {
	l := newLone(t)
	dir := l.cfg.Dir
	t.Chdir(filepath.Dir(dir))
	l.cfg.Dir = filepath.Base(dir)
	must(t, l.start(server.Parts{}))
	_, err := server.Backup(t.Context(), l.cfg, filepath.Join(dir, "backup"), func(string) {})
	wantSaid(t, err, "in the node's own directory")
	l.cfg.Dir = "."
	read, err := readBack(t, filepath.Join(filepath.Base(dir), "seyfert.json"), l.cfg)
	must(t, err)
	if read.Dir != dir {
		t.Errorf("the directory is %q, want %q", read.Dir, dir)
	}
}

// TestReplicaAddresses: what the others can't reach becomes no member's address.
func TestReplicaAddresses(t *testing.T) {
	cfg := newLone(t).cfg
	path := filepath.Join(t.TempDir(), "seyfert.json")
	const none = "is no address that others can reach"
	for _, c := range []struct{ listen, advertise, want string }{
		{"0.0.0.0:7501", "", `replica: "0.0.0.0:7501" ` + none + `: write "advertise"`},
		{":7501", "", `replica: ":7501" ` + none + `: write "advertise"`},
		{"[::]:7501", "", none},
		{"10.0.0.1:0", "", none},
		{"0.0.0.0:7501", "[::]:7501", `replica: advertise: "[::]:7501" ` + none},
		{"0.0.0.0:7501", "10.0.0.1:7501", ""},
		{"10.0.0.1:7501", "", ""},
	} {
		cfg.Replica = server.ReplicaConfig{Listen: c.listen, Advertise: c.advertise}
		if _, err := readBack(t, path, cfg); c.want == "" {
			must(t, err)
		} else {
			wantSaid(t, err, c.want)
		}
	}
}
