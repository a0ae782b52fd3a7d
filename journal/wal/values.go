package wal

import "fmt"

// Set implements raft.StableStore; it returns after the value is synced. Nil removes the key.
func (l *Log) Set(key, value []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if len(key)+len(value) > RecordBytesMax {
		return fmt.Errorf("set %q: %d bytes", key, len(value))
	}
	if err := l.write(func(p *packer) { p.value(kindSet, string(key), value) }); err != nil {
		return fmt.Errorf("set %q: %w", key, err)
	}
	l.state.Lock()
	defer l.state.Unlock()
	l.set(string(key), value)
	return nil
}

func (l *Log) set(key string, value []byte) {
	if len(value) == 0 {
		delete(l.store, key)
	} else {
		l.store[key] = append([]byte(nil), value...)
	}
}

// Get implements raft.StableStore: nil if there is no such value.
func (l *Log) Get(key []byte) ([]byte, error) {
	l.state.RLock()
	defer l.state.RUnlock()
	return append([]byte(nil), l.store[string(key)]...), nil
}

// SetUint64 implements raft.StableStore.
func (l *Log) SetUint64(key []byte, value uint64) error {
	return l.Set(key, bigEndian.AppendUint64(nil, value))
}

// GetUint64 implements raft.StableStore: zero if there is no such value.
func (l *Log) GetUint64(key []byte) (uint64, error) {
	value, err := l.Get(key)
	if err != nil || len(value) == 0 {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%q is not a number", key)
	}
	return bigEndian.Uint64(value), nil
}
