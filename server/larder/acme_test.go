package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issuer is a certificate authority that speaks ACME: Let's Encrypt's own test server.
type issuer struct {
	directory string // its URL
	trust     string // the file by which its own https is trusted
	roots     *x509.CertPool
	stdin     io.WriteCloser
	end       func()
}

// startIssuer starts one in a folder, whose certificates are good for so long.
func startIssuer(t *testing.T, dir string, lifetime time.Duration) *issuer {
	t.Helper()
	program := filepath.Join(dir, "acme.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../test/acme"
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	cmd := exec.Command(program, "-dir", dir, "-lifetime", lifetime.String())
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	var log strings.Builder
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if ended {
			return
		}
		ended = true
		_ = stdin.Close() // it ends then
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("[acme] %v\n%s", err, log.String())
		}
	}
	t.Cleanup(end)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(filepath.Join(dir, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		t.Fatal("the authority has no root")
	}
	return &issuer{strings.TrimSpace(line), filepath.Join(dir, "directory.pem"), roots, stdin, end}
}

// serve starts a server that gets its certificate there.
func (i *issuer) serve(t *testing.T, dir string) *process {
	t.Helper()
	p, err := startProcess(dir, func(string) string { return "" }, "--web", "", "--acme", "shop.example.com",
		"--acme-directory", i.directory, "--acme-ca", i.trust, "--acme-cache", filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("[server]\n%s", p.text())
		}
	})
	return p
}

// certify tells the authority where the server is, and returns when that has its certificate.
func (i *issuer) certify(t *testing.T, p *process) {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(i.stdin, port)
	if p.await(`(.*"msg":"certificate","name":"shop.example.com")`) == "" {
		t.Fatal("the server ended before it had a certificate")
	}
}

func TestACME(t *testing.T) {
	dir := t.TempDir()
	i := startIssuer(t, dir, 90*24*time.Hour)
	p := i.serve(t, dir)
	i.certify(t, p)

	first := shake(t, p, i.roots)
	if len(first.DNSNames) != 1 || first.DNSNames[0] != "shop.example.com" {
		t.Errorf("the certificate is for %v", first.DNSNames)
	}
	t.Run("a browser reaches the server under the name", func(t *testing.T) {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
			ServerName: "shop.example.com", RootCAs: i.roots}}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.com"
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		if w.StatusCode != 200 || w.ProtoMajor != 2 {
			t.Errorf("%s %s", w.Status, w.Proto)
		}
	})
	t.Run("other names get no certificate, and cost none", func(t *testing.T) {
		c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{ServerName: "evil.example.com", RootCAs: i.roots})
		if err == nil {
			c.Close()
			t.Error("there is one")
		}
	})
	t.Run("what is kept serves the next start, where the authority cannot be reached", func(t *testing.T) {
		if err := p.terminate(); err != nil {
			t.Fatal(err)
		}
		if err := p.wait(); err != nil {
			t.Fatal(err)
		}
		i.end()
		again := i.serve(t, dir)
		if second := shake(t, again, i.roots); second.SerialNumber.Cmp(first.SerialNumber) != 0 {
			t.Error("it is another certificate")
		}
		secret, err := os.Stat(filepath.Join(dir, "kept", "shop.example.com"))
		if err != nil || secret.Mode().Perm() != 0o600 {
			t.Errorf("the kept key may be read by others: %v, %v", secret, err)
		}
	})
	t.Run("without authority and without what was kept the log says so, and nobody is served", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(dir, "kept")); err != nil {
			t.Fatal(err)
		}
		alone := i.serve(t, dir)
		if alone.await(`(.*"level":"ERROR","msg":"there is no certificate yet","name":"shop.example.com")`) == "" {
			t.Error("the log says nothing")
		}
		c, err := tls.Dial("tcp", strings.TrimPrefix(alone.url, "https://"),
			&tls.Config{ServerName: "shop.example.com", RootCAs: i.roots})
		if err == nil {
			c.Close()
			t.Error("there is a certificate")
		}
	})
}

func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	i := startIssuer(t, dir, 10*time.Second)
	p := i.serve(t, dir)
	i.certify(t, p)
	first := shake(t, p, i.roots)
	for end := time.Now().Add(time.Minute); ; {
		if next := shake(t, p, i.roots); next.NotAfter.After(first.NotAfter) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the certificate was not renewed")
		}
		time.Sleep(50 * time.Millisecond) // between two questions, not for an answer
	}
}

// shake returns the server's certificate, which must have been issued by one of the roots. It may be about to end.
func shake(t *testing.T, p *process, roots *x509.CertPool) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"),
		&tls.Config{ServerName: "shop.example.com", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	chain := c.ConnectionState().PeerCertificates
	between := x509.NewCertPool()
	for _, above := range chain[1:] {
		between.AddCert(above)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: "shop.example.com",
		CurrentTime: chain[0].NotBefore.Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	return chain[0]
}
