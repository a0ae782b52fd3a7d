package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seyfert/node"
)

// A running node is asked for a backup over a socket in its own directory, which its user alone
// can reach: whoever holds the operator's key must not be able to write files on the machine
// over the network.
//
// The caller posts a backupOrder to /backup and reads one backupLine after another, as JSON, the
// last of which has an error or a backup.
type backupOrder struct {
	// To is the directory to make, an absolute path on the machine of the node.
	To string `json:"to"`
}

type backupLine struct {
	Step   string       `json:"step,omitempty"`
	Error  string       `json:"error,omitempty"`
	Backup *node.Backup `json:"backup,omitempty"`
}

func (c Config) controlFile() string { return filepath.Join(c.Dir, "control.sock") }

// orderBytesMax bounds an order: a path of 4096 bytes, escaped.
const orderBytesMax = 32 << 10

// socketPathMax is the longest path of a socket that every system takes, in bytes.
const socketPathMax = 100

// reach gives a path of the control socket that is short enough, valid until release is called.
func (c Config) reach() (path string, release func(), err error) {
	if path = c.controlFile(); len(path) <= socketPathMax {
		return path, func() {}, nil
	}
	dir, err := os.Open(c.Dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/control.sock", dir.Fd()), func() { _ = dir.Close() }, nil
}

// listenControl opens the control socket. The node's directories are locked by now, so a socket
// that is there is of a process that has ended.
func (s *Server) listenControl() error {
	if err := os.Remove(s.cfg.controlFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	path, release, err := s.cfg.reach()
	if err != nil {
		return err
	}
	defer release()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	listener.SetUnlinkOnClose(false) // the path may be valid no more
	if err := os.Chmod(s.cfg.controlFile(), 0o600); err != nil {
		return errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", s.serveBackup)
	mux.HandleFunc("POST /replica", s.serveReplicaControl)
	var ctx context.Context
	ctx, s.endBackup = context.WithCancel(context.Background())
	s.control = &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.running.Go(func() {
		if err := s.control.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}

// closeControl ends the backup that is under way and waits for it.
func (s *Server) closeControl() error {
	if s.control == nil {
		return nil
	}
	s.endBackup()
	err := s.control.Close()
	s.backups.Lock() // kept: none may begin any more
	if gone := os.Remove(s.cfg.controlFile()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// serveBackup answers one order.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	lines := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	say := func(line backupLine) {
		_ = lines.Encode(line) // a caller who is gone ends the context
		_ = flush.Flush()
	}
	var order backupOrder
	// Read to its end: only then is a caller noticed who goes away.
	text, err := io.ReadAll(io.LimitReader(r.Body, orderBytesMax))
	if err := errors.Join(err, json.Unmarshal(text, &order)); err != nil {
		say(backupLine{Error: "read the order: " + err.Error()})
		return
	}
	// The lock is free before the last line is said: whoever reads that may order again.
	made, err := s.backup(r.Context(), order.To, func(step string) { say(backupLine{Step: step}) })
	if err != nil {
		say(backupLine{Error: err.Error()})
		return
	}
	made.Files = nil // the manifest has them
	say(backupLine{Backup: &made})
}

func (s *Server) backup(
	ctx context.Context, to string, told func(step string),
) (node.Backup, error) {
	if !s.backups.TryLock() {
		return node.Backup{}, errors.New("another backup is under way: wait until it is done")
	}
	defer s.backups.Unlock()
	if err := s.cfg.checkTarget(to); err != nil {
		return node.Backup{}, err
	}
	config, err := s.cfg.withoutSecrets()
	if err != nil {
		return node.Backup{}, err
	}
	return node.BackupSource{
		State: s.state, Store: s.store, Journal: s.journal, Config: config, Now: time.Now,
		Told: told,
	}.Write(ctx, to)
}

// checkTarget refuses a backup in the node's own directory: it would be lost with it.
func (c Config) checkTarget(to string) error {
	if !filepath.IsAbs(to) {
		return fmt.Errorf("%q is not an absolute path", to)
	}
	own, err := filepath.Abs(c.Dir)
	if err == nil {
		own, err = filepath.EvalSymlinks(own)
	}
	if err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(filepath.Clean(to)))
	if err != nil {
		return fmt.Errorf("the folder of the backup: %w", err)
	}
	if folder == own || strings.HasPrefix(folder, own+string(filepath.Separator)) {
		return fmt.Errorf("%s is in the node's own directory: name one on another disk", to)
	}
	return nil
}

// withoutSecrets is the configuration as a backup keeps it. Secrets stand in files of their own,
// but for a password that somebody wrote into the address of the Bitcoin node.
func (c Config) withoutSecrets() ([]byte, error) {
	address, err := url.Parse(c.Chain.URL)
	if err != nil {
		return nil, errors.New("the address of the Bitcoin node can't be read")
	}
	address.User = nil
	c.Chain.URL = address.String()
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// Backup asks the running node of a configuration for a backup in a directory, which must not
// exist, and returns its manifest without the list of files.
func Backup(
	ctx context.Context, cfg Config, to string, told func(step string),
) (node.Backup, error) {
	path, release, err := cfg.reach()
	if err != nil {
		return node.Backup{}, err
	}
	defer release()
	order, err := json.Marshal(backupOrder{to})
	if err != nil {
		return node.Backup{}, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/backup",
		strings.NewReader(string(order)))
	if err != nil {
		return node.Backup{}, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return node.Backup{}, fmt.Errorf("reach the node by %s: %w: is it running, and is this "+
			"its user?", cfg.controlFile(), err)
	}
	defer answer.Body.Close()
	return readLines(answer.Body, told)
}

// readLines reads the node's answer to an order.
func readLines(body io.Reader, told func(step string)) (node.Backup, error) {
	lines := json.NewDecoder(body)
	for {
		var line backupLine
		switch err := lines.Decode(&line); {
		case err != nil:
			return node.Backup{}, fmt.Errorf("the node broke off, and there is no backup: %w", err)
		case line.Error != "":
			return node.Backup{}, errors.New(line.Error)
		case line.Backup != nil:
			return *line.Backup, nil
		}
		told(line.Step)
	}
}
