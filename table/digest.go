package table

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// Digest stands for a set of records: two sides whose digests are equal have the same records, whatever order they read them
// in. The zero value is that of no records.
//
// It is the sum, modulo 2^128, of the first sixteen bytes of each record's SHA-256. What is hashed is the record's JSON as
// [AppendJSON] writes it, without the columns that hold null and without "deleted", which no record that is there needs. The
// whole content is hashed and not the id and version alone: reading the records is what costs, and only the content tells that a
// disk, a migration or a defect has changed a record behind its version. A sum, because unlike one hash over all it can be added
// to in any order, and unlike an exclusive or it tells two of the same from none. It finds accidents; who wants to deceive does
// not need it.
type Digest struct{ high, low uint64 }

// Add adds a record to the set.
func (d *Digest) Add(r Record) {
	var room [512]byte
	sum := sha256.Sum256(appendDigested(room[:0], r))
	var carry uint64
	d.low, carry = bits.Add64(d.low, binary.BigEndian.Uint64(sum[8:16]), 0)
	d.high, _ = bits.Add64(d.high, binary.BigEndian.Uint64(sum[:8]), carry)
}

// DigestOf returns the digest of some records.
func DigestOf(records ...Record) (d Digest) {
	for _, r := range records {
		d.Add(r)
	}
	return d
}

// Plus returns the digest of two sets that have no record in common.
func (d Digest) Plus(other Digest) Digest {
	low, carry := bits.Add64(d.low, other.low, 0)
	high, _ := bits.Add64(d.high, other.high, carry)
	return Digest{high, low}
}

// String returns 32 hexadecimal digits.
func (d Digest) String() string {
	var b [32]byte
	for i := range 16 {
		b[i], b[16+i] = hexDigits[d.high>>(60-4*i)&15], hexDigits[d.low>>(60-4*i)&15]
	}
	return string(b[:])
}

func parseDigest(text string) (Digest, bool) {
	if len(text) != 32 {
		return Digest{}, false
	}
	high, err1 := strconv.ParseUint(text[:16], 16, 64)
	low, err2 := strconv.ParseUint(text[16:], 16, 64)
	return Digest{high, low}, err1 == nil && err2 == nil
}

func appendDigested(dst []byte, r Record) []byte {
	var room [24]string
	dst = append(dst, '{')
	for _, name := range AppendKeys(room[:0], r) {
		if v := r[name]; v != nil && name != ColumnDeleted {
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, name), ':')
			dst = AppendJSON(dst, v)
		}
	}
	return append(dst, '}')
}

// Part is what a side has of a table in a range of ids, which begins after the part before it.
type Part struct {
	To      string // the last id of the range; "" where nothing bounds it
	Count   int
	Digest  Digest
	Records []Record // those of the range, where they were asked for; else nil
}

// Parts is the answer to the question what the server has of a table, in a range of ids: see [PathDigest].
type Parts struct {
	Parts []Part // in the order of ids. The last one's To is before the range's where the answer ended early
	// Changed are the ids of what was written after the delta token. It is in no part, and the asker leaves it out as well.
	Changed []string
}

// IsBound reports whether an id may bound a range of ids. Browsers order texts by UTF-16 code units and databases by code points:
// below the surrogates the two are one order, and an id that is made of such characters alone cuts both in the same place.
func IsBound(id string) bool {
	for _, r := range id {
		if r >= 0xD800 {
			return false
		}
	}
	return true
}

// ParseParts reads the answer to a request for digests. What cannot be understood is an error with [CodeServer].
func ParseParts(data []byte) (*Parts, error) {
	r, err := ParseRecord(data)
	if err != nil {
		return nil, notUnderstood("digest", err)
	}
	list, ok := r["parts"].([]any)
	if !ok || len(list) == 0 {
		return nil, Errorf(CodeServer, "the server's digest has no parts")
	}
	parts := &Parts{Parts: make([]Part, len(list))}
	for i, v := range list {
		if !readPart(&parts.Parts[i], v) {
			return nil, Errorf(CodeServer, "part ", strconv.Itoa(i), " of the server's digest cannot be read")
		}
	}
	changed, _ := r["changed"].([]any)
	for _, v := range changed {
		id, _ := v.(string)
		parts.Changed = append(parts.Changed, id)
	}
	return parts, nil
}

func readPart(p *Part, v any) (ok bool) {
	m, _ := object(v)
	p.To, _ = m["to"].(string)
	text, _ := m["digest"].(string)
	if p.Digest, ok = parseDigest(text); !ok {
		return false
	}
	n, ok := whole(m["count"])
	p.Count = int(n)
	list, _ := m["value"].([]any)
	for _, v := range list {
		record, _ := object(v)
		if Record(record).ID() == "" {
			return false
		}
		p.Records = append(p.Records, record)
	}
	return ok && n >= 0 && IsBound(p.To)
}

// AppendParts appends the answer to a request for digests.
func AppendParts(dst []byte, parts *Parts) []byte {
	dst = append(dst, `{"parts":[`...)
	for i := range parts.Parts {
		p := &parts.Parts[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSON(append(dst, `{"to":`...), p.To)
		dst = strconv.AppendInt(append(dst, `,"count":`...), int64(p.Count), 10)
		dst = append(append(append(dst, `,"digest":"`...), p.Digest.String()...), '"')
		if p.Records != nil {
			dst = AppendJSON(append(dst, `,"value":`...), p.Records)
		}
		dst = append(dst, '}')
	}
	dst = AppendJSON(append(dst, `],"changed":`...), append([]string{}, parts.Changed...))
	return append(dst, '}')
}
