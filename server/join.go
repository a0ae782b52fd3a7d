package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"seyfert/journal"
	"seyfert/signer"
)

// JoinConfig says how a new machine becomes a replica of a node.
type JoinConfig struct {
	// Dir is the new replica's directory, made by Join.
	Dir string
	// Listen is the address of its HTTP port.
	Listen string
	// ReplicaListen is where it takes the other replicas' connections, ReplicaAdvertise where
	// they reach it; empty means ReplicaListen.
	ReplicaListen, ReplicaAdvertise string
	// Member is a replica of the node, by its name and address.
	Member journal.Replica
	// Every is how often the member is asked; 0 is once a second.
	Every time.Duration
}

// Joined is what Join has made.
type Joined struct {
	// DID is the node's name.
	DID string
	// Config is the configuration file to serve with.
	Config string
}

// joinEvery is how often a member is asked whether this replica was added.
const joinEvery = time.Second

// joinedConfig is the name of the configuration file that Join writes.
const joinedConfig = "seyfert.json"

// Join makes the directory of a new replica: its own key, and, once somebody has added it on a
// machine of the node, the node's keys, secrets and configuration, which a member sends over a
// connection whose both ends are known by their keys. It waits for that until ctx ends. What
// was interrupted may be begun again, and goes on with the same key.
func Join(ctx context.Context, jc JoinConfig, told func(step string)) (Joined, error) {
	if err := jc.complete(); err != nil {
		return Joined{}, err
	}
	cfg := Config{Dir: jc.Dir}
	if err := cfg.checkNew(); err != nil {
		return Joined{}, err
	}
	for _, dir := range []string{cfg.Dir, cfg.keysDir(), filepath.Join(cfg.keysDir(), "names")} {
		if err := makePrivateDir(dir); err != nil {
			return Joined{}, err
		}
	}
	key, err := cfg.makeReplica()
	if err != nil {
		return Joined{}, err
	}
	id := journal.IDOf(key.Public().(ed25519.PublicKey))
	told(fmt.Sprintf("this machine is replica %s", id))
	told("whoever adds it gives it all keys of the node. On a machine of the node run: " +
		"seyfert replica add " + string(id) + "@" + jc.ReplicaAdvertise + " --config FILE")
	parcel, err := fetchParcel(ctx, key, jc, told)
	if err != nil {
		return Joined{}, err
	}
	return jc.settle(cfg, parcel)
}

// complete checks what was given, and that the ports are free, before anything is made.
func (jc *JoinConfig) complete() error {
	if jc.Dir == "" {
		return errors.New("a directory for the new replica is needed")
	}
	if _, err := jc.Member.ID.Key(); err != nil {
		return fmt.Errorf("the member: %w: seyfert replica list shows the names", err)
	}
	if jc.ReplicaAdvertise == "" {
		jc.ReplicaAdvertise = jc.ReplicaListen
	}
	if jc.Every == 0 {
		jc.Every = joinEvery
	}
	for _, address := range []string{jc.Member.Address, jc.ReplicaAdvertise} {
		if err := checkAddress(address); err != nil {
			return err
		}
	}
	for _, address := range []string{jc.Listen, jc.ReplicaListen} {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			err = listener.Close()
		}
		if err != nil {
			return fmt.Errorf("this machine can't listen on %q: %w", address, err)
		}
	}
	return nil
}

// checkAddress refuses what other machines can't reach a replica by.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" || port == "0" || len(address) > journal.AddressMax {
		return fmt.Errorf("%q is not an address such as 10.0.0.2:7501", address)
	}
	if unreachable(address) {
		return fmt.Errorf("%q is no address that others can reach: say with --replica-advertise "+
			"where they find this machine", address)
	}
	return nil
}

// unreachable says whether an address of the form host:port names no machine or no port, but all
// addresses or any port of whoever listens there.
func unreachable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	ip, _ := netip.ParseAddr(host)
	return err != nil || host == "" || ip.Unmap().IsUnspecified() || port == "" || port == "0"
}

// checkNew refuses a directory that a node or a replica has used.
func (c Config) checkNew() error {
	config := filepath.Join(c.Dir, joinedConfig)
	if exists(config) {
		return fmt.Errorf("%s is there: this machine has joined already. Run seyfert serve "+
			"--config %s", config, config)
	}
	for _, path := range []string{c.journalDir(), c.stateDir(), c.restoredDir()} {
		if exists(path) {
			return fmt.Errorf("%s is there: a replica joins in a new directory", path)
		}
	}
	// Join itself makes these files, and node.json as the last of them.
	if exists(filepath.Join(c.keysDir(), "node.json")) && !exists(c.joinedFile()) {
		return fmt.Errorf("%s holds the keys of a node: a replica joins in a new directory",
			c.keysDir())
	}
	return nil
}

// makePrivateDir makes a directory for this user alone, or takes one that is so.
func makePrivateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s may be read by others: run chmod 700 %s", dir, dir)
	}
	return err
}

// fetchParcel asks the member until it gives what this replica needs.
func fetchParcel(ctx context.Context, key ed25519.PrivateKey, jc JoinConfig,
	told func(step string),
) (joinParcel, error) {
	tick := time.NewTicker(jc.Every)
	defer tick.Stop()
	last := ""
	for {
		parcel, wait, err := askParcel(ctx, key, jc.Member)
		switch {
		case err == nil && wait == "":
			return parcel, nil
		case err != nil:
			return joinParcel{}, err
		case wait != last:
			told(wait)
			last = wait
		}
		select {
		case <-ctx.Done():
			return joinParcel{}, errors.New("ended before this replica was added: run the same " +
				"command again to go on")
		case <-tick.C:
		}
	}
}

// askParcel asks once. wait says why it is worth asking again.
func askParcel(ctx context.Context, key ed25519.PrivateKey, member journal.Replica) (
	p joinParcel, wait string, err error,
) {
	ctx, cancel := context.WithTimeout(ctx, 2*joinDialTimeout)
	defer cancel()
	conn, err := dialMember(ctx, key, member)
	if errors.Is(err, journal.ErrOtherReplica) {
		return p, "", fmt.Errorf("at %s there is another replica than %s: compare both with what "+
			"seyfert replica list shows on a machine of the node", member.Address, member.ID)
	}
	if err != nil {
		return p, fmt.Sprintf("can't reach %s, and tries again: %v", member.Address, err), nil
	}
	defer conn.Close()
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node/replica/keys", nil)
	if err != nil {
		return p, "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		// A member hangs up on whoever was not added.
		return p, "waits until it is added", nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, joinBytesMax+1))
	switch {
	case err != nil || answer.StatusCode >= http.StatusInternalServerError:
		return p, fmt.Sprintf("%s can't answer now and is asked again: %s", member.Address,
			bytes.TrimSpace(body[:min(len(body), 512)])), nil
	case answer.StatusCode != http.StatusOK:
		return p, "", fmt.Errorf("%s refuses: %s", member.Address,
			bytes.TrimSpace(body[:min(len(body), 512)]))
	case len(body) > joinBytesMax:
		return p, "", fmt.Errorf("%s sends more than %d bytes", member.Address, joinBytesMax)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, "", fmt.Errorf("read what %s sent: %w", member.Address, err)
	}
	return p, "", p.check(journal.IDOf(key.Public().(ed25519.PublicKey)))
}

// check refuses a parcel that lacks something, or holds what does not belong into one.
func (p joinParcel) check(own journal.ReplicaID) error {
	for _, name := range joinFiles {
		if len(p.Files[name]) == 0 {
			return fmt.Errorf("what the member sent lacks %s: run the same version of seyfert on "+
				"all machines", name)
		}
	}
	for name := range p.Files {
		if name != joinChainSecret && !slices.Contains(joinFiles, name) {
			return fmt.Errorf("what the member sent holds %.60q: run the same version of seyfert "+
				"on all machines", name)
		}
	}
	if !slices.ContainsFunc(p.Members, func(m memberRecord) bool { return m.ID == own }) {
		return errors.New("the member does not know this replica")
	}
	return nil
}

// settle writes the directory. The configuration comes last: with it the replica is complete.
func (jc JoinConfig) settle(cfg Config, p joinParcel) (Joined, error) {
	config, err := jc.configure(p)
	if err != nil {
		return Joined{}, err
	}
	record, err := json.MarshalIndent(joinedRecord{Members: p.Members}, "", "  ")
	if err != nil {
		return Joined{}, err
	}
	if err := replaceFile(cfg.joinedFile(), append(record, '\n')); err != nil {
		return Joined{}, err
	}
	for name, data := range p.Files {
		if err := replaceFile(filepath.Join(cfg.Dir, name), data); err != nil {
			return Joined{}, err
		}
	}
	keys, err := signer.Open(cfg.keysDir())
	if err != nil {
		return Joined{}, fmt.Errorf("the keys that came in: %w", err)
	}
	did := keys.DID()
	if err := keys.Close(); err != nil {
		return Joined{}, err
	}
	if did != p.DID {
		return Joined{}, fmt.Errorf("the keys that came in are those of %s, not of %s", did, p.DID)
	}
	path := filepath.Join(cfg.Dir, joinedConfig)
	return Joined{DID: did, Config: path}, replaceFile(path, config)
}

// configure makes this replica's configuration of the other's: the same but for its addresses
// and where its files are.
func (jc JoinConfig) configure(p joinParcel) ([]byte, error) {
	var cfg Config
	decoder := json.NewDecoder(bytes.NewReader(p.Config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&cfg); err != nil {
		return nil, fmt.Errorf("read the node's configuration: %w: run the same version of "+
			"seyfert on all machines", err)
	}
	cfg.Dir, cfg.Listen = ".", jc.Listen
	cfg.Replica = ReplicaConfig{Listen: jc.ReplicaListen}
	if jc.ReplicaAdvertise != jc.ReplicaListen {
		cfg.Replica.Advertise = jc.ReplicaAdvertise
	}
	for _, file := range []*string{&cfg.Chain.TokenFile, &cfg.Chain.PasswordFile} {
		if *file != "" {
			*file = joinChainSecret
		}
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(cfg, "", "  ")
	return append(text, '\n'), err
}

// ParseReplica reads a replica's name and address, NAME@HOST:PORT.
func ParseReplica(text string) (journal.Replica, error) {
	id, address, ok := strings.Cut(text, "@")
	r := journal.Replica{ID: journal.ReplicaID(id), Address: address}
	if !ok {
		return r, fmt.Errorf("%.80q is not NAME@HOST:PORT", text)
	}
	if _, err := r.ID.Key(); err != nil {
		return r, err
	}
	return r, checkAddress(address)
}
