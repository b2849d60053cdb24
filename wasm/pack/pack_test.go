package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// memory is what a list of segments makes of it.
func memory(t *testing.T, segments []segment) []byte {
	t.Helper()
	m := make([]byte, 1<<16)
	for _, s := range segments {
		copy(m[s.at:], s.data)
	}
	return m
}

// module is a WebAssembly module with one section before the data, and one after.
func module(segments []segment) []byte {
	section := func(dst []byte, id byte, body []byte) []byte {
		return append(binary.AppendUvarint(append(dst, id), uint64(len(body))), body...)
	}
	out := section(bytes.Clone(header), 0, []byte("\x04name"))
	out = section(out, dataSection, appendSegments(nil, segments))
	return section(out, 0, []byte("\x03end"))
}

func TestPackKeepsMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var segments []segment
		for at := int64(rng.IntN(100)); at < 1<<15; {
			data := make([]byte, 1+rng.IntN(40))
			for i := range data {
				data[i] = byte(rng.IntN(256))
			}
			segments = append(segments, segment{at, data})
			at += int64(len(data) + rng.IntN(4*near))
		}
		rng.Shuffle(len(segments), func(i, j int) { segments[i], segments[j] = segments[j], segments[i] })
		packed, err := pack(module(segments))
		if err != nil {
			t.Fatal(err)
		}
		start := bytes.Index(packed, []byte("\x04name")) + len("\x04name")
		if packed[start] != dataSection || !bytes.HasSuffix(packed, []byte("\x03end")) {
			t.Fatal("the other sections are not as they were")
		}
		size, n := binary.Uvarint(packed[start+1:])
		joined, err := readSegments(packed[start+1+n : start+1+n+int(size)])
		if err != nil {
			t.Fatal(err)
		}
		if len(joined) >= len(segments) {
			t.Errorf("%d segments became %d", len(segments), len(joined))
		}
		if !bytes.Equal(memory(t, joined), memory(t, segments)) {
			t.Fatal("the memory is another")
		}
	}
}

func TestPackRefusesWhatIsNoModule(t *testing.T) {
	whole := module([]segment{{8, []byte("data")}, {300, []byte("more")}})
	for _, text := range [][]byte{nil, []byte("\x00asm"), []byte("#!/bin/sh")} {
		if _, err := pack(text); err == nil {
			t.Errorf("%q was packed", text)
		}
	}
	for i := len(header) + 1; i < len(whole); i++ {
		packed, err := pack(whole[:i])
		if err == nil && bytes.Contains(packed, []byte("more")) != bytes.Contains(whole[:i], []byte("more")) {
			t.Errorf("cut off after %d bytes, the module lost its data", i)
		}
	}
}

func TestSignedNumbers(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 20, 1<<31 - 1, -1 << 31} {
		got, n := signed(appendSigned(nil, v))
		if got != v || n == 0 {
			t.Errorf("%d came back as %d", v, got)
		}
	}
}
