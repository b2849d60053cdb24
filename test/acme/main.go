// Command acme is a certificate authority for tests: Let's Encrypt's own test server, in a module of its own, so that Larder
// does not depend on it. It finds every name on this machine.
//
// It writes two files into the folder -dir: directory.pem, by which its own https is trusted, and root.pem, by which the
// certificates are that it issues. It prints the URL of its directory, reads from its input the port on which it is to look
// for who asks for a certificate, and serves until its input ends.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

func main() {
	dir := flag.String("dir", ".", "the `folder` for the certificates")
	lifetime := flag.Duration("lifetime", 90*24*time.Hour, "how long the certificates are good for")
	flag.Parse()
	if err := run(*dir, *lifetime); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, lifetime time.Duration) error {
	own, err := certificate()
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}})
	if err != nil {
		return err
	}
	names, err := resolver()
	if err != nil {
		return err
	}
	logger := log.New(os.Stderr, "acme: ", 0)
	store := db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default": {ValidityPeriod: uint64(lifetime / time.Second)},
	})
	root := authority.GetRootCert(0).Cert
	for name, der := range map[string][]byte{"directory.pem": own.Certificate[0], "root.pem": root.Raw} {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("https://%s%s\n", l.Addr(), wfe.DirectoryPath)

	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	front := wfe.New(logger, store, va.New(logger, 0, port, true, names, store), authority,
		[]string{"ca.example"}, true, false, 0, 0)
	ended := make(chan error, 1)
	go func() { ended <- http.Serve(l, front.Handler()) }()
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	return <-ended
}

// certificate makes one for this machine, signed by itself.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// resolver starts a name server for which every name is this machine, and returns its address.
func resolver() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg).SetReply(asked)
		for _, q := range asked.Question {
			if q.Qtype == dns.TypeA {
				answer.Answer = append(answer.Answer, &dns.A{A: net.IPv4(127, 0, 0, 1),
					Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}})
			}
		}
		_ = w.WriteMsg(answer) // a failure is the asker's connection
	})}
	go func() { log.Fatal(server.ActivateAndServe()) }()
	return l.Addr().String(), nil
}
