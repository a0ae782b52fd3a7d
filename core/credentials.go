package core

// credentialsMax bounds the credentials that are kept decoded.
const credentialsMax = 4096

// credentials are rows that were read lately, decoded: a key that sends thousands of commands is
// not read from the tables for each. It holds what the tables hold and decides nothing.
type credentials map[[32]byte]CredentialRow

// credential finds a key, session or code as the step has it.
func (s *step) credential(hash [32]byte) (CredentialRow, bool) {
	if s.credentialsChanged {
		return get(s, s.tables.credentials, hash)
	}
	cache := s.core.credentials
	if row, ok := cache[hash]; ok {
		return row, true
	}
	row, exists := get(s, s.tables.credentials, hash)
	if exists {
		if len(cache) >= credentialsMax {
			clear(cache)
		}
		cache[hash] = row
	}
	return row, exists
}

// putCredential writes one. Nothing is taken from the cache for the rest of the entry: the command
// may still be refused and undone.
func (s *step) putCredential(row CredentialRow) {
	s.credentialsChanged = true
	delete(s.core.credentials, row.Hash)
	put(s, s.tables.credentials, row.Hash, row)
}
