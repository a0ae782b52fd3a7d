package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"seyfert/api"
	"seyfert/auth"
	"seyfert/journal"
	"seyfert/money"
	"seyfert/signer"
	"seyfert/wire"
)

// Names of Bitcoin networks that are treated apart: on regtest money is play money and plain
// http on loopback is allowed; on mainnet keys are for real money.
const (
	networkRegtest = "regtest"
	networkMainnet = "mainnet"
)

// configBytesMax bounds a configuration file.
const configBytesMax = 1 << 20

// Config is a node's configuration file: JSON, unknown fields refused. Secrets stand in files
// of their own below Dir, made by Init with mode 0600.
type Config struct {
	// DID is the node's name, did:web:<host>.
	DID string `json:"did"`
	// Dir holds everything the node keeps; a relative path is taken from the file's folder.
	Dir string `json:"dir"`
	// Listen is the address of the one HTTP port, such as 127.0.0.1:7401.
	Listen string `json:"listen"`
	// Origin is the public origin of API, pages and peer messages, without a path.
	Origin string `json:"origin"`
	// TrustedProxies are the networks of the operator's own proxies, such as 127.0.0.1/32. A
	// request from there is counted for the address that X-Forwarded-For says it came from.
	TrustedProxies []netip.Prefix `json:"trusted_proxies,omitempty"`
	// RequestsPerSecond bounds what callers may ask.
	RequestsPerSecond RatesConfig `json:"requests_per_second,omitzero"`
	// Network is the Bitcoin network: mainnet, signet or regtest. Plain http and loopback
	// addresses are allowed on regtest alone.
	Network string `json:"network"`
	// Chain reaches a Bitcoin node by JSON-RPC.
	Chain ChainConfig `json:"chain"`
	// Currencies that the node keeps accounts in.
	Currencies []money.Currency `json:"currencies"`
	// Thresholds are the amounts from which a transfer gets a chain record of its own.
	Thresholds []money.Amount `json:"record_thresholds"`
	// Lanes are the node's first anchor coins, in order; empty until they are funded.
	Lanes []LaneConfig `json:"lanes"`
	// Replica makes this machine one of several replicas of the node, or the first of them.
	Replica ReplicaConfig `json:"replica,omitzero"`
	// ReserveMiB is the room on the disk below which no commands are taken, in MiB; 0 is
	// ReserveMiBDefault.
	ReserveMiB int `json:"reserve_mib,omitempty"`
	// KeepJournal keeps every entry of the journal. Without it those before the older of two
	// whole cuts are deleted, as nothing needs them any more to make the state again.
	KeepJournal bool `json:"keep_journal,omitempty"`
}

// ReplicaConfig says where a replica takes the connections of the node's other replicas.
type ReplicaConfig struct {
	// Listen is the address, such as 10.0.0.1:7501; empty means that the node is this one alone.
	Listen string `json:"listen"`
	// Advertise is where the others reach it, if that is another address.
	Advertise string `json:"advertise,omitempty"`
}

func (r ReplicaConfig) on() bool { return r.Listen != "" }

func (r ReplicaConfig) validate() error {
	if !r.on() {
		if r.Advertise != "" {
			return errors.New("listen is needed")
		}
		return nil
	}
	for _, address := range []string{r.Listen, r.Advertise} {
		if _, _, err := net.SplitHostPort(address); err != nil && address != "" {
			return err
		}
		if len(address) > journal.AddressMax {
			return fmt.Errorf("an address has at most %d bytes", journal.AddressMax)
		}
	}
	if r.Advertise == "" && unreachable(r.Listen) {
		return fmt.Errorf("%q is no address that others can reach: write \"advertise\"", r.Listen)
	}
	if r.Advertise != "" && unreachable(r.Advertise) {
		return fmt.Errorf("advertise: %q is no address that others can reach", r.Advertise)
	}
	return nil
}

// RatesConfig is how many requests may come in a second: from one address, and with one key or
// session. 0 is the default, api.RequestsPerSecond.
type RatesConfig struct {
	Address int `json:"address,omitempty"`
	Caller  int `json:"caller,omitempty"`
}

func (r RatesConfig) validate() error {
	for _, rate := range []int{r.Address, r.Caller} {
		if rate < 0 || rate > api.RequestsPerSecondMax {
			return fmt.Errorf("%d is not 0 to %d", rate, api.RequestsPerSecondMax)
		}
	}
	return nil
}

// ChainConfig reaches a Bitcoin node. TokenFile, or User and PasswordFile, authenticate.
type ChainConfig struct {
	URL          string `json:"url"`
	TokenFile    string `json:"token_file,omitempty"`
	User         string `json:"user,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
}

// LaneConfig is the first coin of a lane: "txid:vout" and its value in satoshi.
type LaneConfig struct {
	Outpoint wire.Outpoint `json:"outpoint"`
	Value    uint64        `json:"value"`
}

// ReadConfig reads and checks a configuration file.
func ReadConfig(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, configBytesMax+1))
	if err != nil {
		return Config{}, err
	}
	if len(data) > configBytesMax {
		return Config{}, fmt.Errorf("%s is over %d bytes", path, configBytesMax)
	}
	var cfg Config
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&cfg); err != nil {
		return Config{}, fmt.Errorf("read %s: %w", path, err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, err
	}
	if !filepath.IsAbs(cfg.Dir) {
		cfg.Dir = filepath.Join(folder, cfg.Dir)
	}
	for _, file := range []*string{&cfg.Chain.TokenFile, &cfg.Chain.PasswordFile} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(folder, *file)
		}
	}
	if err := cfg.validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

func (c Config) validate() error {
	if err := wire.CheckDID(c.DID); err != nil {
		return fmt.Errorf("did: %w", err)
	}
	origin, err := url.Parse(c.Origin)
	if err != nil || origin.Host == "" || origin.Path != "" || origin.RawQuery != "" {
		return fmt.Errorf("origin: %q is not an origin such as https://node.example", c.Origin)
	}
	secure := origin.Scheme == "https"
	if !secure && (origin.Scheme != "http" || !c.loopback()) {
		return fmt.Errorf("origin: %q is not https; plain http is for regtest alone", c.Origin)
	}
	if err := auth.CheckProxies(c.TrustedProxies); err != nil {
		return fmt.Errorf("trusted_proxies: %w", err)
	}
	if err := c.RequestsPerSecond.validate(); err != nil {
		return fmt.Errorf("requests_per_second: %w", err)
	}
	if err := c.Replica.validate(); err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	if c.Dir == "" || c.Listen == "" {
		return fmt.Errorf("dir and listen are needed")
	}
	if len(c.Currencies) == 0 || len(c.Currencies) > 64 {
		return fmt.Errorf("currencies: 1 to 64 are needed")
	}
	if c.ReserveMiB < 0 || c.ReserveMiB > ReserveMiBMax {
		return fmt.Errorf("reserve_mib: %d is not 0 to %d", c.ReserveMiB, ReserveMiBMax)
	}
	if len(c.Lanes) > signer.LanesMax {
		return fmt.Errorf("lanes: at most %d", signer.LanesMax)
	}
	return nil
}

// loopback says whether the node is part of a test bed on one machine.
func (c Config) loopback() bool { return c.Network == networkRegtest }

// secure says whether browsers reach the node by https.
func (c Config) secure() bool { return strings.HasPrefix(c.Origin, "https://") }

func (c Config) lanes() []signer.Lane {
	lanes := make([]signer.Lane, len(c.Lanes))
	for i, lane := range c.Lanes {
		lanes[i] = signer.Lane{N: i, Outpoint: lane.Outpoint, Value: lane.Value}
	}
	return lanes
}

// Paths below Dir.
func (c Config) keysDir() string      { return filepath.Join(c.Dir, "keys") }
func (c Config) stateDir() string     { return filepath.Join(c.Dir, "state") }
func (c Config) journalDir() string   { return filepath.Join(c.Dir, "journal") }
func (c Config) operatorFile() string { return filepath.Join(c.Dir, "operator.key") }
func (c Config) bankFile() string     { return filepath.Join(c.Dir, "bank.secret") }

// readSecret reads a secret from a file that nobody else may read.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s may be read by others: run chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(data)), nil
}

func readHexSecret(path string) ([]byte, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(text)
	if err != nil || len(secret) < 32 {
		return nil, fmt.Errorf("%s does not hold a secret of 32 bytes in hex", path)
	}
	return secret, nil
}
