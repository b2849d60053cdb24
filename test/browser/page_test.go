package browser_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-sync/larder/test/browser"
)

func TestPage(t *testing.T) { browser.Each(t, testPage) }

func testPage(t *testing.T, engine browser.Engine) {
	s := site(t)
	mark := "LARDER_TEST=" + rand.Text()
	b := browser.New(t, browser.Options{Engine: engine, Env: []string{mark}})
	ctx := soon(t)
	p := b.Open(t, s.URL)

	t.Run("a script gets its arguments, may await, and its result is JSON", func(t *testing.T) {
		type thing struct {
			S string `json:"s"`
			N []int  `json:"n"`
		}
		var got thing
		err := p.Read(ctx, &got, `
			await new Promise((r) => setTimeout(r));
			return {s: arguments[0] + document.title, n: [arguments[1].n[1], 3]} // and a comment at the end`,
			"a\u2028'\"`${x}\U0001F600-", thing{N: []int{1, 2}})
		if err != nil || got.S != "a\u2028'\"`${x}\U0001F600-one" || !slices.Equal(got.N, []int{2, 3}) {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
	t.Run("no result is null", func(t *testing.T) {
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, ``))); string(v) != "null" {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("an exception is an error with message and stack", func(t *testing.T) {
		_, err := p.Eval(ctx, `function inner() { throw new RangeError('too far') } inner()`)
		var e *browser.ScriptError
		if !errors.As(err, &e) || !strings.Contains(e.Message, "RangeError: too far") || !strings.Contains(e.Message, "at inner") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("what cannot be parsed or told as JSON is an error", func(t *testing.T) {
		for body, want := range map[string]string{`return }`: "SyntaxError", `return 1n`: "BigInt", `throw 'text'`: "text"} {
			if _, err := p.Eval(ctx, body); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", body, err)
			}
		}
	})
	t.Run("a script that never returns ends with the context", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := p.Eval(short, `await new Promise(() => {})`); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("waiting outlives a reload", func(t *testing.T) {
		must[[]byte](t)(bytesOf(p.Eval(ctx, `sessionStorage.n = 0; setTimeout(() => { sessionStorage.n = 7; location.reload() }, 1)`)))
		if v := must[[]byte](t)(bytesOf(p.Wait(ctx, `return sessionStorage.n === '7' && document.title`))); string(v) != `"one"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("waiting in vain tells what was seen last", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err := p.Wait(short, `return 0`)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it was 0") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a page that moves on while it loads is followed", func(t *testing.T) {
		if err := p.Navigate(ctx, s.URL+"/moves"); err != nil {
			t.Fatal(err)
		}
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return document.title`))); string(v) != `"two"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a change of the fragment is no load", func(t *testing.T) {
		if err := p.Navigate(ctx, s.URL+"/two#here"); err != nil {
			t.Fatal(err)
		}
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return location.hash`))); string(v) != `"#here"` {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a page that nobody serves is an error", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		err := p.Navigate(ctx, gone.URL)
		if err == nil || !strings.Contains(err.Error(), gone.URL) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("the viewport holds for size, density and colour scheme, and is what a screenshot shows", func(t *testing.T) {
		p := b.Open(t, s.URL)
		scale := 2
		if engine == browser.WebKit {
			scale = 1
			if err := p.SetViewport(ctx, browser.Viewport{Width: 390, Height: 844, Scale: 2}); !errors.Is(err, browser.ErrEngine) {
				t.Errorf("a density that there is not: %v", err)
			}
		}
		if err := p.SetViewport(ctx, browser.Viewport{Width: 390, Height: 844, Scale: float64(scale), Dark: true}); err != nil {
			t.Fatal(err)
		}
		var got []float64
		if err := p.Read(ctx, &got, `return [innerWidth, innerHeight, devicePixelRatio, +matchMedia('(prefers-color-scheme: dark)').matches]`); err != nil ||
			!slices.Equal(got, []float64{390, 844, float64(scale), 1}) {
			t.Fatalf("got %v, %v", got, err)
		}
		shot, err := p.Screenshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(bytes.NewReader(shot))
		if err != nil || c.Width != 390*scale || c.Height != 844*scale {
			t.Fatalf("got %+v, %v", c, err)
		}
		if err := p.SetViewport(ctx, browser.Viewport{}); err == nil {
			t.Error("a viewport of no size was taken")
		}
	})
	t.Run("every page is visible, and the last one has the focus, in Chromium all", func(t *testing.T) {
		q := b.Open(t, s.URL)
		for _, p := range []*browser.Page{p, q} {
			v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return document.visibilityState + (document.hasFocus() || !arguments[0])`, p == q || engine == browser.Chromium)))
			if string(v) != `"visibletrue"` {
				t.Errorf("got %s", v)
			}
		}
	})
	t.Run("a dialog is accepted", func(t *testing.T) {
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return confirm('sure?')`))); string(v) != "true" {
			t.Fatalf("got %s", v)
		}
	})
	t.Run("a closed page is gone, its browser is not", func(t *testing.T) {
		q := b.Open(t, s.URL)
		if err := q.Close(ctx); err != nil {
			t.Fatal(err)
		}
		<-q.Done()
		if _, err := q.Eval(ctx, `return 1`); !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
		if err := q.Close(ctx); err != nil {
			t.Errorf("second close: %v", err)
		}
		must[[]byte](t)(bytesOf(p.Eval(ctx, `return 1`)))
	})
	t.Run("a crashed page is gone, also for the call that waits", func(t *testing.T) {
		before := relatives(t, mark, "WebKitWebProcess")
		q := b.Open(t, s.URL)
		waits := make(chan error, 1)
		go func() {
			_, err := q.Eval(ctx, `await new Promise((resolve) => { globalThis.never = resolve })`)
			waits <- err
		}()
		switch engine {
		case browser.Chromium:
			go q.CDP(ctx, "Page.crash", nil)
		case browser.Firefox:
			go q.Navigate(ctx, "about:crashcontent")
		case browser.WebKit:
			for _, pid := range relatives(t, mark, "WebKitWebProcess") {
				if !slices.Contains(before, pid) {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := <-waits; !errors.Is(err, browser.ErrGone) {
			t.Errorf("got %v", err)
		}
		<-q.Done()
	})
}

func TestInput(t *testing.T) { browser.Each(t, testInput) }

func testInput(t *testing.T, engine browser.Engine) {
	s := site(t)
	b := browser.New(t, browser.Options{Engine: engine})
	ctx := soon(t)
	p := b.Open(t, s.URL+"/form")
	said := func(t *testing.T, want string) {
		t.Helper()
		if v := must[[]byte](t)(bytesOf(p.Eval(ctx, `return said.textContent`))); string(v) != want {
			t.Errorf("got %s", v)
		}
	}
	do := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a form is filled in by mouse and keyboard", func(t *testing.T) {
		do(t, p.Click(ctx, "input"), p.Type(ctx, "Zoë 🥖"), p.Press(ctx, "!"), p.Press(ctx, "x"), p.Press(ctx, "Backspace"), p.Click(ctx, "form button"))
		said(t, `"sent Zoë 🥖!"`)
	})
	t.Run("Enter submits, and Tab moves the focus", func(t *testing.T) {
		do(t, p.Click(ctx, "input"), p.Press(ctx, "Tab"), p.Press(ctx, "Shift+Tab"), p.Type(ctx, "Ada"), p.Press(ctx, "Enter"))
		said(t, `"sent Ada"`)
	})
	t.Run("a click waits for what is not there yet", func(t *testing.T) {
		do(t, p.Click(ctx, "#late"))
		said(t, `"late"`)
	})
	t.Run("keys are held", func(t *testing.T) {
		do(t, p.Press(ctx, "Control+Shift+k"))
		said(t, `"K,true,75"`)
	})
	t.Run("what does not come and what is unknown are errors", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := p.Click(short, "#none"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "click on #none") {
			t.Errorf("got %v", err)
		}
		if err := p.Press(ctx, "Any"); err == nil {
			t.Error("no error")
		}
	})
}
