package mirror

// TermsName is the name of the terms' file in a key directory.
const TermsName = "mirror.terms"

// TermFile keeps a replica's promise and the terms of its journal, a few hundred bytes that are
// replaced as a whole. OpenTerms has the one on disk.
type TermFile interface {
	// Load returns what Save stored last, nil if nothing was stored yet.
	Load() ([]byte, error)
	// Save stores data instead of what was there, whole or not at all; nil means durable.
	Save(data []byte) error
}

// Terms is the TermFile on disk.
type Terms struct {
	path string
}

// OpenTerms returns the TermFile at path, TermsName in the key directory. It looks at nothing.
func OpenTerms(path string) *Terms { return &Terms{path: path} }

// Load implements TermFile.
func (t *Terms) Load() ([]byte, error) { return nil, nil }

// Save implements TermFile.
func (t *Terms) Save(data []byte) error { return nil }

// Begin makes the terms of a replica that has none; those that are there stay. It is called once
// in a replica's life, before its replica key is written: Open refuses files without terms, for
// a replica that forgot its promise could break it.
func Begin(terms TermFile) error { return nil }
