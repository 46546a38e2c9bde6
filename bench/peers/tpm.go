package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-attestation/attest"
	pb "github.com/google/go-tpm-tools/proto/attest"
	"github.com/google/go-tpm-tools/server"
	"github.com/google/go-tpm/legacy/tpm2"
	"google.golang.org/protobuf/proto"
)

// attestation verifies a TPM's quote, the certificate of its key and the event log by go-attestation. It has no
// verifier of certificates: crypto/x509 is told what to do as a user of it would.
func attestation(in inputs) (verification, error) {
	roots, err := pool(in.Roots...)
	if err != nil {
		return nil, err
	}
	return func() error {
		ak, err := attest.ParseAKPublic(in.Files["ak_public"])
		if err != nil {
			return err
		}
		if err := verifyCertificate(in, roots, ak.Public); err != nil {
			return err
		}
		pcrs := make([]attest.PCR, 0, len(in.Pcrs))
		for index, value := range in.Pcrs {
			pcrs = append(pcrs, attest.PCR{Index: index, Digest: value, DigestAlg: crypto.SHA256})
		}
		quote := attest.Quote{Quote: in.Files["quote_sha256_msg"], Signature: in.Files["quote_sha256_sig"]}
		if err := ak.Verify(quote, pcrs, in.Wanted["nonce"]); err != nil {
			return err
		}
		log, err := attest.ParseEventLog(in.Files["eventlog"])
		if err != nil {
			return err
		}
		_, err = log.Verify(pcrs)
		return err
	}, nil
}

func verifyCertificate(in inputs, roots *x509.CertPool, key crypto.PublicKey) error {
	certificate, err := x509.ParseCertificate(in.Files["ak_cert"])
	if err != nil {
		return err
	}
	// Names of GCE machines stand in a critical extension that crypto/x509 does not know.
	certificate.UnhandledCriticalExtensions = nil
	options := x509.VerifyOptions{
		Roots:         roots,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   in.Now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	options.Intermediates.AppendCertsFromPEM(in.Files["ak_ca_chain"])
	if _, err := certificate.Verify(options); err != nil {
		return err
	}
	if own, ok := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(key) {
		return errors.New("the certificate is of another key")
	}
	return nil
}

// tpmTools verifies the same by go-tpm-tools, in the form that its own client writes.
func tpmTools(in inputs) (verification, error) {
	roots, err := certificates(in.Roots...)
	if err != nil {
		return nil, err
	}
	return func() error {
		var evidence pb.Attestation
		if err := proto.Unmarshal(in.Files["original"], &evidence); err != nil {
			return err
		}
		issuers, err := certificates(in.Files["ak_ca_chain"])
		if err != nil {
			return err
		}
		_, err = server.VerifyAttestation(&evidence, server.VerifyOpts{
			Nonce:             in.Wanted["nonce"],
			TrustedRootCerts:  roots,
			IntermediateCerts: issuers,
			HashAlgo:          tpm2.AlgSHA256,
			Loader:            server.UnsupportedLoader,
		})
		return err
	}, nil
}

// pool is the roots that crypto/x509 trusts.
func pool(files ...[]byte) (*x509.CertPool, error) {
	roots, err := certificates(files...)
	if err != nil {
		return nil, err
	}
	found := x509.NewCertPool()
	for _, root := range roots {
		found.AddCert(root)
	}
	return found, nil
}

func certificates(files ...[]byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for _, file := range files {
		for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read certificate: %w", err)
			}
			found = append(found, certificate)
		}
	}
	return found, nil
}
