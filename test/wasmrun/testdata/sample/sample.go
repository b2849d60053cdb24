// Package sample has tests that the tests of wasmrun run in a browser.
package sample

// Sign has three branches, two of which are tested.
func Sign(n int) int {
	if n < 0 {
		return -1
	}
	if n > 0 {
		return 1
	}
	return 0
}
