package core

import (
	"seyfert/ledger"
	"seyfert/table"
)

// readRecord reads one history record, which must be there.
func readRecord(history table.Records, number uint64) ledger.Record {
	raw, err := history.At(number)
	check(err)
	record, err := ledger.DecodeRecord(number, raw)
	check(err)
	return record
}

// Record reads the history record with a number from 1 to the cursor's Records.
func (v View) Record(number uint64) ledger.Record {
	return readRecord(v.c.stores.History, number)
}

// RecordsFrom calls fn with the history records from a number on, in order, until it returns
// false. From 0 is from the first.
func (v View) RecordsFrom(number uint64, fn func(ledger.Record) bool) {
	for n := max(number, 1); n <= v.c.cursor.Records; n++ {
		if !fn(v.Record(n)) {
			return
		}
	}
}

// FindTransfer returns the records of a transfer of the ledger, one for each leg.
func (v View) FindTransfer(id ledger.TransferID) ([]ledger.Record, bool) {
	records := v.recordsOf(id)
	if len(records) == 0 || records[0].Transfer != id {
		return nil, false
	}
	return records, true
}

// recordsOf returns the records that an id's number points at: a transfer's legs, or the one
// record of a hold.
func (v View) recordsOf(id [16]byte) []ledger.Record {
	number := v.c.ids.find(id, v.c.cursor.Time)
	if number == 0 {
		return nil
	}
	return v.RecordsOf(number)
}

// RecordsOf reads the legs of the transfer whose first history record has a number; of a change of
// a hold it is that record alone.
func (v View) RecordsOf(number uint64) []ledger.Record {
	records := []ledger.Record{v.Record(number)}
	for next := number + 1; next <= v.c.cursor.Records; next++ {
		r := v.Record(next)
		if r.Transfer.IsZero() || r.Transfer != records[0].Transfer ||
			len(records) == ledger.LegsMax {
			break
		}
		records = append(records, r)
	}
	return records
}

// Reversal returns the first record of the transfer that reversed another one.
func (v View) Reversal(id ledger.TransferID) (ledger.Record, bool) {
	number := v.c.ids.find(reversalOf(id), v.c.cursor.Time)
	if number == 0 {
		return ledger.Record{}, false
	}
	return v.Record(number), true
}

// FindHold returns the record that made a hold, the hold as it stands while it is live, and the
// record that ended it once it has.
func (v View) FindHold(id ledger.HoldID) (made ledger.Record, live *ledger.Hold,
	ended *ledger.Record, ok bool,
) {
	records := v.recordsOf(id)
	if len(records) == 0 || records[0].Kind != ledger.RecordHeld {
		return made, nil, nil, false
	}
	if hold, exists := v.c.book.Hold(id); exists {
		return records[0], &hold, nil, true
	}
	number := v.c.ids.find(endOfHold(id), v.c.cursor.Time)
	if number == 0 {
		panic("core: a hold has neither ended nor is it live")
	}
	record := v.Record(number)
	return records[0], nil, &record, true
}

// Metadata lists the versions of the metadata of an account, transfer or hold, newest first.
func (v View) Metadata(subject string, limit int) []MetadataRow {
	var rows []MetadataRow
	check(v.c.tables.metadata.Scan(v.c.store, text(subject),
		func(_ []byte, row MetadataRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// MetadataBelow is Metadata from the version below one on; 0 is from the newest.
func (v View) MetadataBelow(subject string, version uint64, limit int) []MetadataRow {
	if version == 0 {
		return v.Metadata(subject, limit)
	}
	var rows []MetadataRow
	check(v.c.tables.metadata.ScanFrom(v.c.store, text(subject),
		metadataKey(MetadataKey{subject, version - 1}),
		func(_ []byte, row MetadataRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// ByReference lists what an owner has under a reference, in the order of history from a number
// on.
func (v View) ByReference(owner, reference string, from uint64, limit int) []MetadataRow {
	prefix := table.Key{}.Text(owner).Text(reference)
	var rows []MetadataRow
	check(v.c.tables.metadata.ScanIndexFrom(v.c.store, v.c.tables.byReference, prefix,
		table.Key{}.Text(owner).Text(reference).Uint64(from),
		func(_ []byte, row MetadataRow) bool {
			rows = append(rows, row)
			return len(rows) < limit
		}))
	return rows
}

// BookAccounts lists accounts of an owner's books from an account's id on, in the order of ids. An
// empty owner stands for all.
func (v View) BookAccounts(owner string, from ledger.AccountID, limit int) []AccountRow {
	var rows []AccountRow
	take := func(_ []byte, row AccountRow) bool {
		rows = append(rows, row)
		return len(rows) < limit
	}
	if owner == "" {
		check(v.c.tables.accounts.ScanFrom(v.c.store, nil, accountKey(from), take))
		return rows
	}
	prefix := table.Key{}.Text(owner).Text(PurposeBook)
	check(v.c.tables.accounts.ScanIndexFrom(v.c.store, v.c.tables.byOwner, prefix,
		table.Key{}.Text(owner).Text(PurposeBook).Text(from.String()), take))
	return rows
}
