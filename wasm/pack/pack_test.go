package main

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestSegments(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var segments []segment
		for at := int64(rng.IntN(100)); at < 1<<15; {
			data := make([]byte, 1+rng.IntN(40))
			for i := range data {
				data[i] = byte(1 + rng.IntN(255))
			}
			segments = append(segments, segment{at, data})
			at += int64(len(data) + rng.IntN(4*near))
		}
		rng.Shuffle(len(segments), func(i, j int) { segments[i], segments[j] = segments[j], segments[i] })
		memory, err := flatten(segments)
		if err != nil {
			t.Fatal(err)
		}
		joined, err := readSegments(appendSegments(nil, split(memory)))
		if err != nil {
			t.Fatal(err)
		}
		if len(joined) >= len(segments) {
			t.Errorf("%d segments became %d", len(segments), len(joined))
		}
		again, err := flatten(joined)
		if err != nil || !bytes.Equal(again, memory) {
			t.Fatalf("the memory is another (%v)", err)
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
