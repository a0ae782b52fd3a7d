package ledger

// WarmMax is the largest number of accounts that one Warm looks at.
const WarmMax = 128

// Warm is a hint that the accounts with these ids, at most WarmMax, are named next. Where an
// account stands in memory is known only after three dependent reads; asking for many at a time
// lets the processor wait for all of them together. It changes nothing.
func (d *Draft) Warm(ids []AccountID) {
	d.check()
	var tags [WarmMax]uint32
	ids = ids[:min(len(ids), WarmMax)]
	x, seen := d.book.ordinals, uint64(0)
	for i := range ids {
		tags[i] = x.tag(ids[i])
		seen += x.segment(tags[i]).slots[home(tags[i])]
	}
	for i := range ids {
		search := probe{in: x.segment(tags[i]), tag: tags[i], at: home(tags[i])}
		if ordinal, ok := search.next(); ok {
			r := d.book.accounts.at(ordinal)
			seen += r.debitsPosted.lo + uint64(r.flags) + uint64(*d.book.slots.at(ordinal))
		}
	}
	d.warmth += seen // So that the reads are made.
}
