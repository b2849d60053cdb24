package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate makes a certificate for a name, and its key.
func writeCertificate(t *testing.T, cert, key, name string, changed time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der},
		key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	e := &encryption{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	log := slog.New(slog.DiscardHandler)
	if _, err := e.config(log); err == nil {
		t.Error("a file that is not there is no error")
	}
	start := time.Now().Add(-time.Hour)
	writeCertificate(t, e.cert, e.key, "one.example", start)
	config, err := e.config(log)
	if err != nil || config.MinVersion < tls.VersionTLS12 {
		t.Fatalf("%+v, %v", config, err)
	}
	c := &certificate{cert: e.cert, key: e.key, log: log}
	name := func() string {
		t.Helper()
		c.looked = time.Time{}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}
	if got := name(); got != "one.example" {
		t.Errorf("the certificate is for %s", got)
	}
	writeCertificate(t, e.cert, e.key, "two.example", start.Add(time.Minute))
	if got := name(); got != "two.example" {
		t.Errorf("after it was renewed it is for %s", got)
	}
	if err := os.WriteFile(e.cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "two.example" {
		t.Errorf("while it is written it is for %s", got)
	}
}
