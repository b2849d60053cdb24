// Command program does what needs the tables that pack keeps: it grows stacks, collects garbage, panics and recovers, and
// reads its own stack.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

type node struct {
	left, right *node
	weight      [8]int
}

func grow(depth int) *node {
	if depth == 0 {
		return nil
	}
	n := &node{left: grow(depth - 1), right: grow(depth - 1)}
	n.weight[depth%8] = depth
	return n
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	s := n.left.sum() + n.right.sum()
	for _, w := range n.weight {
		s += w
	}
	return s
}

func deep(n int) int {
	var room [64]int
	if n == 0 {
		runtime.GC()
		return 0
	}
	room[n%64] = n
	return deep(n-1) + room[n%64]
}

func failing(n *node) (err error) {
	defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
	n.weight[0]++
	return nil
}

// label is a value with a method, which the linker gives pointers to labels as well.
type label struct{ text string }

func (l label) String() string { return l.text }

// named calls the method of a pointer that is nil.
func named(l fmt.Stringer) (err error) {
	defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
	return errors.New(l.String())
}

func stack() string {
	text := make([]byte, 1<<12)
	return string(text[:runtime.Stack(text, false)])
}

func main() {
	done := make(chan int)
	for range 4 {
		go func() { done <- deep(1000) }()
	}
	total := 0
	for range 4 {
		total += <-done
	}
	fmt.Println(grow(12).sum(), total, failing(nil), named((*label)(nil)), named((*time.Time)(nil)))
	fmt.Println("names:", strings.Contains(stack(), "main.stack("), "lines:", strings.Contains(stack(), "main.go:"))
	if len(os.Args) > 1 {
		panic("at the end")
	}
}
