// Package wire fixes the bytes of Seyfert: ids, canonical encodings, hashes, signed and sealed
// envelopes, HTTP message signatures and the layouts that nodes write on the Bitcoin chain.
//
// It does no I/O, reads no clock, keeps no private key and knows no rule of the domain: it
// answers only what the bytes are, and whether given bytes are the one canonical form. What a
// parser here accepts, its encoder writes back byte for byte.
//
// Rows, journal entries and receipts are CBOR (encode.go); what crosses nodes is JCS inside a
// compact JWS (jcs.go, jws.go); docs/adr/0002-encoding.md says why there are two. Section
// numbers such as A3 or B7 in comments are those of the inter-node protocol, version 1.
package wire
