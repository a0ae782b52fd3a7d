package web

import (
	"strings"
	"time"
)

// SignUp is where a visitor becomes a member.
type SignUp struct {
	Frame
	Action, Begin string // post "name" and the ceremony's answer, fetch its question
	SignIn        string
	Return        string // where to go afterwards
	Wrong         bool   // the passkey just made does not hold
}

func (*SignUp) page() string { return "signup" }

// Recover takes a recovery code, and then a new passkey.
type Recover struct {
	Frame
	Action string // posts "code", or the ceremony's answer
	Begin  string // fetches the question for a passkey; empty before a code is spent
	SignIn string
	Wrong  bool // the code, or the passkey, does not hold
}

func (*Recover) page() string { return "recover" }

// Codes shows new recovery codes, once.
type Codes struct {
	Frame
	Codes []string
}

func (*Codes) page() string { return "codes" }

// Text is all codes for copying.
func (c *Codes) Text() string { return strings.Join(c.Codes, "\n") }

// Security is what signs a member in, and where she is signed in.
type Security struct {
	Frame
	Action   string // its own path; its forms post below it
	Doors    *Doors // where a sign-in by passkey is confirmed; nil where there are no passkeys
	Return   string // where to go once a passkey is made; empty for this page
	Recent   bool   // passkeys and codes may be changed now
	Passkeys []PasskeyLine
	Codes    int
	Sessions []SessionLine
	Wrong    bool // the passkey just made does not hold
}

func (*Security) page() string { return "security" }

// Others says whether the member is signed in elsewhere.
func (s *Security) Others() bool { return len(s.Sessions) > 1 }

// PasskeyLine is one passkey of a member.
type PasskeyLine struct {
	ID            string
	Number        int
	Created, Used time.Time // Used is zero before its first use
	Backup        bool      // it can be on several devices
}

// SessionLine is one place where a member is signed in.
type SessionLine struct {
	ID, How          string
	Created, Expires time.Time
	Own              bool // this browser's
}
