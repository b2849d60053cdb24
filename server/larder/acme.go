package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// authority is where certificates are got from by ACME, RFC 8555, whose challenge tls-alpn-01 the server answers on the port
// that it serves. The zero value asks for none.
type authority struct {
	names     list   // for which certificates are asked for
	directory string // the authority's URL
	trust     string // a file with the certificates by which the authority itself is trusted; "" for the system's
	cache     string // the folder where the certificates and the account's key are kept

	manager *autocert.Manager // made by config
}

func (a *authority) flags(f *flags) {
	f.Var(&a.names, "acme",
		"`names` for which certificates are got from Let's Encrypt, separated by commas; the server must be "+
			"reached under them on port 443. This accepts the authority's terms")
	f.StringVar(&a.directory, "acme-directory", autocert.DefaultACMEDirectory,
		"the directory `URL` of another authority that speaks ACME, such as one of your own")
	f.StringVar(&a.trust, "acme-ca", "",
		"the `file` with the certificates by which that authority's own https is trusted, if the system has none for it")
	f.StringVar(&a.cache, "acme-cache", "acme", "the `folder` in which these certificates are kept")
}

func (a *authority) check() error {
	if u, err := url.Parse(a.directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--acme-directory %s is not like %s", a.directory, autocert.DefaultACMEDirectory)
	}
	for _, name := range a.names {
		if err := checkHost("--acme", name); err != nil {
			return err
		}
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") {
			return fmt.Errorf("--acme %s is not a name as in shop.example.com, which others reach this server under", name)
		}
	}
	return nil
}

// config returns how TLS is spoken. Certificates are renewed when a third of their time is left, but 30 days at most.
func (a *authority) config(logger *slog.Logger) (*tls.Config, error) {
	client := &acme.Client{DirectoryURL: a.directory, UserAgent: "larder"}
	if a.trust != "" {
		text, err := os.ReadFile(a.trust)
		if err != nil {
			return nil, fmt.Errorf("--acme-ca %s: %w", a.trust, reason(err))
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--acme-ca %s has no certificates in PEM", a.trust)
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
		client.HTTPClient = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	if err := os.MkdirAll(a.cache, 0o700); err != nil { // else it would be known when the first browser has come
		return nil, fmt.Errorf("--acme-cache %s: %w", a.cache, reason(err))
	}
	a.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Client: client,
		HostPolicy: autocert.HostWhitelist(a.names...),
		Cache:      &told{autocert.DirCache(a.cache), logger},
	}
	config := a.manager.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	return config, nil
}

// fetch gets the certificates that are not there yet, while the server begins to serve: an authority may take longer than the
// first browser is given for its handshake, and whoever started the server is to hear what is in the way. Where it fails,
// the next browser that comes has it tried again.
func (a *authority) fetch(logger *slog.Logger) {
	for _, name := range a.names {
		hello := &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
		switch pair, err := a.manager.GetCertificate(hello); {
		case err != nil:
			logger.Error("there is no certificate yet", "name", name, "directory", a.directory, "error", err.Error())
		default:
			logger.Info("certificate", "name", name, "until", pair.Leaf.NotAfter)
		}
	}
}

// told is a cache that tells the log of what could not be kept: the authority gives out few certificates a week.
type told struct {
	autocert.Cache
	log *slog.Logger
}

// Put implements [autocert.Cache].
func (t *told) Put(ctx context.Context, key string, data []byte) error {
	err := t.Cache.Put(ctx, key, data)
	if err != nil {
		t.log.Error("a certificate cannot be kept in --acme-cache", "name", key, "error", err.Error())
	}
	return err
}
