package store

import (
	"reflect"
	"slices"
	"time"

	"github.com/larder-sync/larder/table"
)

// plainType reports a type that no json column can hold, or not read back. within are the types around it.
func plainType(t reflect.Type, within []reflect.Type) error {
	if t == reflect.TypeFor[time.Time]() {
		return nil
	}
	if slices.Contains(within, t) {
		return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String(), ", which holds itself: use any")
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String())
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String(), ": use any or a type of its own")
		}
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return table.Errorf(table.CodeInvalid, "no column can hold a ", t.String(), ": its keys are no strings")
		}
		return plainType(t.Elem(), append(within, t))
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return plainType(t.Elem(), append(within, t))
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				if err := plainType(f.Type, append(within, t)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// treeOf makes of a value what a json column holds, in which depth levels may open. Struct fields are named as columns are.
func treeOf(v reflect.Value, depth int) (any, error) {
	if depth < 0 {
		return nil, table.Errorf(table.CodeInvalid, "a value nests too deep, or holds itself")
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return treeOf(v.Elem(), depth-1)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil, nil
		}
		list := make([]any, v.Len())
		for i := range list {
			item, err := treeOf(v.Index(i), depth-1)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case reflect.Map:
		if v.IsNil() {
			return nil, nil
		}
		object := make(map[string]any, v.Len())
		for key, item := range v.Seq2() {
			tree, err := treeOf(item, depth-1)
			if err != nil {
				return nil, err
			}
			object[key.String()] = tree
		}
		return object, nil
	}
	at := reflect.New(v.Type()) // so that it lies in memory as a field does
	at.Elem().Set(v)
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		s, err := nestedShape(v.Type())
		if err != nil {
			return nil, err
		}
		r, err := s.encode(at.UnsafePointer(), depth-1)
		return map[string]any(r), err
	}
	var f field
	if err := f.of(v.Type()); err != nil {
		return nil, err
	}
	return f.get(at.UnsafePointer(), depth)
}

// fill sets a value from what a json column holds. Null leaves it zero.
func fill(v reflect.Value, tree any) error {
	if tree == nil {
		return nil
	}
	switch v.Kind() {
	case reflect.Interface:
		v.Set(reflect.ValueOf(tree))
		return nil
	case reflect.Slice, reflect.Array:
		return fillList(v, tree)
	case reflect.Map:
		object, ok := tree.(map[string]any)
		if !ok {
			return errType
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(object)))
		for key, part := range object {
			item := reflect.New(v.Type().Elem()).Elem()
			if err := fill(item, part); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
		}
		return nil
	}
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		object, ok := tree.(map[string]any)
		if !ok {
			return errType
		}
		s, err := nestedShape(v.Type())
		if err != nil {
			return err
		}
		return s.decode(v.Addr().UnsafePointer(), object)
	}
	var f field
	if err := f.of(v.Type()); err != nil {
		return err
	}
	return f.set(v.Addr().UnsafePointer(), tree)
}

func fillList(v reflect.Value, tree any) error {
	list, ok := tree.([]any)
	if !ok || v.Kind() == reflect.Array && len(list) != v.Len() {
		return errType
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	}
	for i, part := range list {
		if err := fill(v.Index(i), part); err != nil {
			return err
		}
	}
	return nil
}

// nestedShape is the shape of a struct within a json column, which needs no id.
func nestedShape(t reflect.Type) (*shape, error) {
	known, ok := shapes.Load(nested{t})
	if ok {
		return known.(*shape), nil
	}
	s := &shape{typ: t.String(), byName: map[string]int{}}
	if err := s.add(t, 0); err != nil {
		return nil, err
	}
	shapes.Store(nested{t}, s)
	return s, nil
}

// nested keeps the shapes of structs in json columns apart from those of records.
type nested struct{ reflect.Type }
