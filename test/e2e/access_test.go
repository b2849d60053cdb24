package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-sync/larder/test/browser"
)

// TestAccessibility holds the apps to the rules of axe-core, in light and dark, with what they show when something waits or is wrong.
func TestAccessibility(t *testing.T) {
	axe := axeSource(t)
	s := newStack(t)
	s.start(t)
	b := browser.New(t, browser.Options{})
	todo, languages, home := visit(t, b, s.url+"/todo/"), visit(t, b, s.url+"/languages/"), visit(t, b, s.url+"/")

	check := func(t *testing.T, u *user, what string) {
		t.Helper()
		for _, dark := range []bool{false, true} {
			if err := u.SetViewport(u.ctx, browser.Viewport{Width: 800, Height: 900, Dark: dark}); err != nil {
				t.Fatal(err)
			}
			var violations []string
			u.read(&violations, `
				await Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})));
				if (!window.axe) (0, eval)(arguments[0]);
				const { violations } = await axe.run(document);
				return violations.map(({ id, help, nodes }) => id + ': ' + help + ': ' + nodes.map((n) => n.html.slice(0, 120)).join(' | '));`, axe)
			if len(violations) != 0 {
				t.Errorf("%s, dark %v:\n%s", what, dark, strings.Join(violations, "\n"))
			}
		}
	}

	t.Run("the start page", func(t *testing.T) { check(t, home, "start page") })
	t.Run("the languages", func(t *testing.T) {
		check(t, languages, "before the download")
		languages.typeIn("#search", "frisian")
		check(t, languages, "a search")
	})
	t.Run("the todo list, with tasks, while editing, and with the outbox open while offline", func(t *testing.T) {
		todo.see(`return document.querySelectorAll('#list > .item').length === 3`)
		check(t, todo, "tasks")
		todo.click("#list > .item .edit")
		check(t, todo, "editing")
		todo.press("Escape")
		if err := b.Offline(todo.ctx, true); err != nil {
			t.Fatal(err)
		}
		todo.typeIn("#new", "bread")
		todo.press("Enter")
		todo.see(`return document.querySelector('#pill').dataset.pending === '1'`)
		todo.click("#pill")
		todo.see(`return document.querySelector('#outbox li')`)
		check(t, todo, "outbox")
	})
}

// TestInstallable asks Chromium whether it would offer to install the apps, and what it holds against them.
func TestInstallable(t *testing.T) {
	s := newStack(t)
	s.start(t)
	b := browser.New(t, browser.Options{})
	for _, app := range []string{"/todo/", "/languages/"} {
		t.Run(app, func(t *testing.T) {
			u := visit(t, b, s.url+app)
			u.see(`return await applicationCache.ready`)
			reply, err := u.CDP(u.ctx, "Page.getInstallabilityErrors", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(reply); got != `{"installabilityErrors":[]}` {
				t.Error(got)
			}
			reply, err = u.CDP(u.ctx, "Page.getAppManifest", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(reply); !strings.Contains(got, `"errors":[]`) || !strings.Contains(got, app+"app.webmanifest") {
				t.Errorf("%.300s", got)
			}
		})
	}
}

// axeSource is the program of axe-core, installed by the lock file beside the tests if need be.
func axeSource(t *testing.T) string {
	t.Helper()
	program := filepath.Join("axe", "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(program); err != nil {
		cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		cmd.Dir = "axe"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci in test/e2e/axe: %v\n%s", err, out)
		}
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
