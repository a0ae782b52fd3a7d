package node

import (
	"context"
	"encoding/hex"
	"time"

	"seyfert/auth"
	"seyfert/core"
	"seyfert/fault"
	"seyfert/journal"
)

// Means is what signs a member in, and where she is signed in.
type Means struct {
	Passkeys []Passkey
	// Codes is how many recovery codes can still be used, Made when they were made.
	Codes    int
	Made     time.Time
	Sessions []Session
	// Recent says that the caller signed in by passkey a moment ago, or that there is none: then
	// passkeys and codes may be changed.
	Recent bool
}

// Passkey is one of a member's own. ID names it in requests.
type Passkey struct {
	ID            string
	Number        int
	Created, Used time.Time // Used is zero if it has not signed in yet
	Backup        bool      // it can be on several devices
}

// Session is one place where a member is signed in.
type Session struct {
	ID               string
	How              string
	Passkey          int // number of the passkey it was opened with; 0 where none
	Created, Expires time.Time
	Own              bool // the caller's
}

// Means lists what signs the calling member in.
func (n *Node) Means(by Caller) (Means, error) {
	member, err := memberOf(by)
	if err != nil {
		return Means{}, err
	}
	own, err := hashOf(by)
	if err != nil {
		return Means{}, err
	}
	now := n.cfg.Now()
	return read(n.state, func(v core.View) Means {
		m := Means{}
		numbers := map[[32]byte]int{}
		for _, row := range v.Passkeys(member) {
			hash := core.PasskeyHash(row.ID)
			key := Passkey{
				ID: hex.EncodeToString(hash[:]), Number: int(row.Number),
				Created: milli(row.Created), Backup: row.Flags&backupFlag != 0,
			}
			if row.Used != 0 {
				key.Used = milli(row.Used)
			}
			numbers[hash] = key.Number
			m.Passkeys = append(m.Passkeys, key)
		}
		recovery, _ := v.Recovery(member)
		for _, code := range recovery.Codes {
			if code.Spent == 0 {
				m.Codes++
			}
		}
		m.Made, m.Recent = milli(recovery.Created), len(m.Passkeys) == 0
		for _, row := range v.Sessions(member, now.UnixMilli()) {
			s := Session{
				ID: hex.EncodeToString(row.Hash[:]), How: row.How,
				Passkey: numbers[row.Passkey], Created: milli(row.Created),
				Expires: milli(row.Expires), Own: row.Hash == own,
			}
			m.Recent = m.Recent || s.Own && s.How == core.SessionByPasskey &&
				now.Sub(s.Created) < core.RecentMax
			m.Sessions = append(m.Sessions, s)
		}
		return m
	}), nil
}

// backupFlag is the bit of a passkey's flags which says that it can be on several devices.
const backupFlag = 1 << 3

// ApprovesBySession says whether the member orders with a button alone: she has no passkey, and the
// chain is one whose money is worth nothing.
func (n *Node) ApprovesBySession(by Caller) (bool, error) {
	m, err := n.Means(by)
	return len(m.Passkeys) == 0 && n.cfg.Signer.Network() == "regtest", err
}

// RemovePasskey takes one of the caller's passkeys away.
func (n *Node) RemovePasskey(ctx context.Context, by Caller, id string) error {
	member, err := memberOf(by)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 32 {
		return fault.New(fault.NotFound, "passkey", "You have no such passkey.")
	}
	_, _, err = propose[core.PasskeyRow](ctx, n, by, core.KindRemovePasskey, Request{},
		core.RemovePasskey{Member: member, Passkey: [32]byte(raw)})
	return err
}

// NewRecoveryCodes replaces the caller's recovery codes. They are shown this once.
func (n *Node) NewRecoveryCodes(ctx context.Context, by Caller) ([]auth.Secret, error) {
	member, err := memberOf(by)
	if err != nil {
		return nil, err
	}
	body := core.SetRecovery{Member: member}
	var codes []auth.Secret
	for range core.RecoveryCodesMax {
		code, hash, err := auth.NewRecovery(n)
		if err != nil {
			return nil, err
		}
		codes, body.Codes = append(codes, code), append(body.Codes, hash)
	}
	_, _, err = propose[int](ctx, n, by, core.KindSetRecovery, Request{}, body)
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// Recover spends a recovery code for a session in which a passkey may be made, and nothing else. A
// code that is not one never gets as far as the journal.
func (n *Node) Recover(ctx context.Context, code string) (auth.Secret, error) {
	refused := fault.New(fault.Unauthenticated, "code", "The code is not valid any more.")
	hash, err := auth.HashRecovery(code)
	if err != nil || !read(n.state, func(v core.View) bool { return v.Recoverable(hash) }) {
		return "", refused
	}
	session, sessionHash, err := auth.NewToken(n, RecoveryPrefix)
	if err != nil {
		return "", err
	}
	_, _, err = propose[core.CredentialRow](ctx, n, Caller{Kind: journal.Public},
		core.KindUseRecovery, Request{}, core.UseRecoveryCode{
			Code: hash, Session: sessionHash,
			Expires: n.cfg.Now().Add(RecoveryLife).UnixMilli(),
		})
	return session, err
}

// Recovering finds the member who came with a recovery code.
func (n *Node) Recovering(secret string) (Caller, error) {
	refused := fault.New(fault.Unauthenticated, "", "The session is not valid.")
	hash, err := auth.HashToken(RecoveryPrefix, secret)
	if err != nil {
		return Caller{}, refused
	}
	var row core.CredentialRow
	var ok bool
	n.state.Read(func(v core.View) { row, ok = v.Credential(hash, n.cfg.Now().UnixMilli()) })
	if !ok || row.Use != core.UseRecovery {
		return Caller{}, refused
	}
	return Caller{Kind: row.Kind, ID: row.Subject, Key: hex.EncodeToString(hash[:])}, nil
}

// EndSession signs the caller out of one of her sessions.
func (n *Node) EndSession(ctx context.Context, by Caller, id string) error {
	raw, err := hex.DecodeString(id)
	if by.Kind != journal.Member || err != nil || len(raw) != 32 {
		return fault.New(fault.NotFound, "session", "You have no such session.")
	}
	own := read(n.state, func(v core.View) bool {
		row, listed := v.Session([32]byte(raw))
		return listed && row.Member.String() == by.ID
	})
	if !own {
		return fault.New(fault.NotFound, "session", "You have no such session.")
	}
	_, _, err = propose[core.CredentialRow](ctx, n, by, core.KindEndCredential, Request{},
		core.EndCredential{Hash: [32]byte(raw)})
	return err
}

// EndOtherSessions signs the caller out everywhere else.
func (n *Node) EndOtherSessions(ctx context.Context, by Caller) error {
	member, err := memberOf(by)
	if err != nil {
		return err
	}
	_, _, err = propose[int](ctx, n, by, core.KindEndSessions, Request{},
		core.EndSessions{Member: member})
	return err
}
