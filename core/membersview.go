package core

import "seyfert/table"

// Passkey finds a passkey by PasskeyHash, removed ones too.
func (v View) Passkey(hash [32]byte) (PasskeyRow, bool) {
	return view(v, v.c.tables.passkeys, hash)
}

// Passkeys lists a member's living passkeys, the oldest first.
func (v View) Passkeys(member MemberID) []PasskeyRow {
	var rows []PasskeyRow
	check(v.c.tables.passkeys.ScanIndex(v.c.store, v.c.tables.passkeysOf,
		table.Key{}.Fixed(member[:]), func(_ []byte, row PasskeyRow) bool {
			if row.Removed == 0 {
				rows = append(rows, row)
			}
			return true
		}))
	return rows
}

// Recovery finds a member's recovery codes and Recoverable says whether a code may be used.
func (v View) Recovery(member MemberID) (RecoveryRow, bool) {
	return view(v, v.c.tables.recoveries, member)
}

// Recoverable says whether a recovery code with this hash may be used.
func (v View) Recoverable(code [32]byte) bool {
	return len(scanIndex(v, v.c.tables.recoveries, v.c.tables.byRecovery, hash32(code), 1)) > 0
}

// Session finds a session in its member's list.
func (v View) Session(hash [32]byte) (SessionRow, bool) {
	return view(v, v.c.tables.sessions, hash)
}

// Sessions lists a member's living sessions at a time in Unix milliseconds, newest first.
func (v View) Sessions(member MemberID, now int64) []SessionRow {
	rows := scanIndex(v, v.c.tables.sessions, v.c.tables.sessionsOf, memberKey(member), PageMax)
	living := rows[:0]
	for _, row := range rows {
		if _, ok := v.Credential(row.Hash, now); ok {
			living = append(living, row)
		}
	}
	return living
}

// Approval finds the evidence of an approval by its challenge.
func (v View) Approval(challenge [32]byte) (ApprovalRow, bool) {
	return view(v, v.c.tables.approvals, challenge)
}
