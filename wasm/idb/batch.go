//go:build js && wasm

package idb

import (
	"context"
	"syscall/js"
)

// RunValues is [Tx.Run] for a program that is a JavaScript array of steps, and is answered by an array of results. It too
// crosses once. Rows are not made into text, so they can be of every kind that IndexedDB stores, and keys in the steps too.
func (tx *Tx) RunValues(ctx context.Context, program js.Value) (js.Value, error) {
	const op = "run"
	if err := tx.usable(ctx, op, ""); err != nil {
		return js.Undefined(), err
	}
	if program.Type() != js.TypeObject {
		return js.Undefined(), &Error{Name: "TypeError", Op: op, Message: "the program must be an array of steps"}
	}
	tx.wrote()
	return tx.answered(ctx, op, "", func(done js.Func) error {
		_, err := tx.realm.run.Invoke(tx.raw, program, done)
		return err
	})
}

// PutMany is Put for all values of a JavaScript array, in one crossing. The store must find their keys in them, or make them.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-put
func (s *Store) PutMany(ctx context.Context, values js.Value) error {
	_, err := s.step(ctx, "put", map[string]any{"values": values})
	return err
}

// AddMany is Add for all values of a JavaScript array, in one crossing. One that exists fails it, and those before it are
// there then: return the error to have them taken back.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-add
func (s *Store) AddMany(ctx context.Context, values js.Value) error {
	_, err := s.step(ctx, "add", map[string]any{"values": values})
	return err
}

// GetMany returns a JavaScript array with the value of each key, or null, in one crossing.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-get
func (s *Store) GetMany(ctx context.Context, keys ...any) (js.Value, error) {
	list, err := Key(keys)
	if err != nil {
		return js.Undefined(), s.named(err, "get")
	}
	return s.step(ctx, "get", map[string]any{"keys": list})
}

// DeleteMany deletes the rows that have the keys, in one crossing.
// Specification: https://w3c.github.io/IndexedDB/#dom-idbobjectstore-delete
func (s *Store) DeleteMany(ctx context.Context, keys ...any) error {
	list, err := Key(keys)
	if err != nil {
		return s.named(err, "delete")
	}
	_, err = s.step(ctx, "delete", map[string]any{"keys": list})
	return err
}

// step runs a program of one step and returns its result.
func (s *Store) step(ctx context.Context, op string, step map[string]any) (js.Value, error) {
	step["op"], step["store"] = op, s.name
	results, err := s.tx.RunValues(ctx, js.ValueOf([]any{step}))
	if err != nil {
		return js.Undefined(), err
	}
	return results.Index(0), nil
}
