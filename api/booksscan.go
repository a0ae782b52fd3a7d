package api

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// This file reads the bodies that move money, fast: it takes the usual form alone, without
// escapes, and gives up at anything else, so that bookswalk.go says what it means or what is
// wrong with it. What both read, they read alike; a fuzz test holds them to that.

// part is a member of an item, and its place in words.
type part uint8

// The members. Up to lastText each is a text.
const (
	mID part = iota
	mAction
	mDebit
	mCredit
	mHold
	mTransfer
	mBalancing
	mEffective
	mExpires
	mReference
	mCurrency // of the amount
	mValue
	lastText = mValue

	mAmount part = iota
	mCode
	mLinked
	mMore
	mLegs
	mMetadata
	partsAll
)

// partSet is a set of members.
type partSet uint32

func setOf(parts ...part) (s partSet) {
	for _, m := range parts {
		s |= 1 << m
	}
	return s
}

func (s partSet) has(m part) bool { return s&(1<<m) != 0 }

// names are the members as they stand in JSON.
func names() [partsAll]string {
	return [partsAll]string{
		mID: "id", mAction: "action", mDebit: "debit", mCredit: "credit", mHold: "hold",
		mTransfer: "transfer", mBalancing: "balancing", mEffective: "effective_at",
		mExpires: "expires_at", mReference: "reference", mCurrency: "currency",
		mValue: "value", mAmount: "amount", mCode: "code", mLinked: "linked", mMore: "more",
		mLegs: "legs", mMetadata: "metadata",
	}
}

// partOf finds a member by its name.
func partOf(name []byte) (part, bool) {
	switch string(name) {
	case "id":
		return mID, true
	case "action":
		return mAction, true
	case "debit":
		return mDebit, true
	case "credit":
		return mCredit, true
	case "hold":
		return mHold, true
	case "transfer":
		return mTransfer, true
	case "balancing":
		return mBalancing, true
	case "effective_at":
		return mEffective, true
	case "expires_at":
		return mExpires, true
	case "reference":
		return mReference, true
	case "currency":
		return mCurrency, true
	case "value":
		return mValue, true
	case "amount":
		return mAmount, true
	case "code":
		return mCode, true
	case "linked":
		return mLinked, true
	case "more":
		return mMore, true
	case "legs":
		return mLegs, true
	case "metadata":
		return mMetadata, true
	}
	return 0, false
}

// words are one item as it stands in a body, its texts not yet understood.
type words struct {
	has          partSet
	text         [lastText + 1][]byte
	code         uint16
	linked, more bool
	legs         []words // of these only legParts
	metadata     map[string]string
}

// reset empties the words, but keeps their memory.
func (w *words) reset() { *w = words{legs: w.legs[:0]} }

const (
	amountParts partSet = 1<<mCurrency | 1<<mValue
	legParts    partSet = 1<<mDebit | 1<<mCredit | 1<<mAmount | 1<<mBalancing
	itemParts   partSet = 1<<partsAll - 1 - amountParts
)

// scanner goes through a body once. Its methods return false where the fast way ends.
type scanner struct {
	data []byte
	at   int
}

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and one byte, which must be c.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// quoted reads a text without escapes.
func (s *scanner) quoted() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	start, ascii := s.at, true
	for {
		s.skipPlain()
		if s.at == len(s.data) {
			return nil, false
		}
		switch c := s.data[s.at]; {
		case c == '"':
			text := s.data[start:s.at]
			s.at++
			return text, ascii || utf8.Valid(text)
		case c == '\\' || c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.at++
	}
}

// skipPlain goes on, eight bytes at a time, to a byte that ends a text or may not be in one as it
// is: a quote, a backslash, a control, a byte beyond ASCII; or to one of the last seven.
func (s *scanner) skipPlain() {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(s.data)-s.at >= 8; s.at += 8 {
		eight := binary.LittleEndian.Uint64(s.data[s.at:])
		quote, escape := eight^ones*'"', eight^ones*'\\'
		// A top bit is set where a byte is zero after exclusive or, or less than a space, or
		// beyond ASCII; of several the lowest is right, and that one counts.
		found := ((quote-ones)&^quote | (escape-ones)&^escape | (eight-ones*' ')&^eight | eight) & tops
		if found != 0 {
			s.at += bits.TrailingZeros64(found) / 8
			return
		}
	}
}

// object reads an object whose members are all allowed, none twice.
func (s *scanner) object(w *words, allowed partSet) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		name, ok := s.quoted()
		if !ok || !s.take(':') {
			return false
		}
		m, known := partOf(name)
		if !known || !allowed.has(m) || w.has.has(m) {
			return false
		}
		w.has |= 1 << m
		if !s.value(w, m) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// value reads the value of a member.
func (s *scanner) value(w *words, m part) (ok bool) {
	switch m {
	case mAmount:
		return s.object(w, amountParts) && w.has.has(mCurrency) && w.has.has(mValue)
	case mCode:
		w.code, ok = s.code()
		return ok
	case mLinked:
		w.linked, ok = s.boolean()
		return ok
	case mMore:
		w.more, ok = s.boolean()
		return ok
	case mLegs:
		return s.legsOf(w)
	case mMetadata:
		return s.pairs(w)
	}
	w.text[m], ok = s.quoted()
	return ok
}

func (s *scanner) word(text string) bool {
	if len(s.data)-s.at < len(text) || string(s.data[s.at:s.at+len(text)]) != text {
		return false
	}
	s.at += len(text)
	return true
}

func (s *scanner) boolean() (value, ok bool) {
	if s.next() == 't' {
		return true, s.word("true")
	}
	return false, s.word("false")
}

// code reads an integer that fits 16 bits.
func (s *scanner) code() (uint16, bool) {
	s.next()
	start, value := s.at, 0
	for ; s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9'; s.at++ {
		if value = value*10 + int(s.data[s.at]-'0'); value > 1<<16-1 {
			return 0, false
		}
	}
	if s.at == start || s.data[start] == '0' && s.at-start > 1 {
		return 0, false
	}
	switch s.next() { // not the start of a fraction or an exponent
	case ',', '}':
		return uint16(value), true
	}
	return 0, false
}

func (s *scanner) legsOf(w *words) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if len(w.legs) == legsMax {
			return false
		}
		w.legs = append(w.legs, words{})
		if !s.object(&w.legs[len(w.legs)-1], legParts) {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *scanner) pairs(w *words) bool {
	if !s.take('{') {
		return false
	}
	w.metadata = map[string]string{}
	if s.take('}') {
		return true
	}
	for {
		name, ok := s.quoted()
		if !ok || !s.take(':') {
			return false
		}
		value, ok := s.quoted()
		if _, twice := w.metadata[string(name)]; !ok || twice {
			return false
		}
		w.metadata[string(name)] = string(value)
		if len(w.metadata) > pairsMax {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// end says whether nothing but white space is left.
func (s *scanner) end() bool { return s.next() == 0 && s.at == len(s.data) }
