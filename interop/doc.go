// Package interop has tests alone: what we write is read by other people's programs, and what
// they write by ours. The other programs are modules of Node.js, pinned in package-lock.json;
// `make test` puts them into a cache outside the repository, and without them the tests say
// that they are skipped.
package interop
