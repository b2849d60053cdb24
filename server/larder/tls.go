package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// encryption is how "larder serve" speaks TLS. The zero value is not at all.
type encryption struct {
	cert, key string // files
	authority authority
}

func (e *encryption) flags(f *flags) {
	f.StringVar(&e.cert, "tls-cert", "",
		"the `file` with the certificate, and those above it, for https. It is read again when it changes")
	f.StringVar(&e.key, "tls-key", "", "the `file` with the certificate's key")
	e.authority.flags(f)
}

func (e *encryption) check() error {
	switch {
	case (e.cert == "") != (e.key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case e.cert != "" && len(e.authority.names) > 0:
		return errors.New("--tls-cert and --acme are two ways to the same: choose one")
	}
	return e.authority.check()
}

// config returns nil where there is to be no TLS.
func (e *encryption) config(logger *slog.Logger) (*tls.Config, error) {
	switch {
	case len(e.authority.names) > 0:
		return e.authority.config(logger)
	case e.cert == "":
		return nil, nil
	}
	c := &certificate{cert: e.cert, key: e.key, log: logger}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("--tls-cert %s and --tls-key %s: %w", e.cert, e.key, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate is one that is read again when its file changes: certificates are renewed while servers run.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	now     *tls.Certificate
	changed time.Time
	looked  time.Time
}

func (c *certificate) load() error {
	info, err := os.Stat(c.cert)
	if err != nil {
		return reason(err)
	}
	if info.ModTime().Equal(c.changed) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.now, c.changed = &pair, info.ModTime()
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	const often = 10 * time.Second
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > often {
		c.looked = time.Now()
		if err := c.load(); err != nil { // half of it may have been written; the old one is good until it is not
			c.log.Error("the certificate cannot be read again", "file", c.cert, "error", err.Error())
		}
	}
	return c.now, nil
}
