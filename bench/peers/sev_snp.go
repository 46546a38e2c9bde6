package main

import (
	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
)

// productLine of the case's CPU.
const productLine = "Milan"

// sevGuest verifies an SEV-SNP report by go-sev-guest, then validates it. AMD's certificates come with the case: it
// fetches none, and asks for no CRL, as the case has none.
func sevGuest(in inputs) (verification, error) {
	roots, err := certificates(in.Roots...)
	if err != nil {
		return nil, err
	}
	return func() error {
		report, err := abi.ReportToProto(in.Files["report"])
		if err != nil {
			return err
		}
		chain := &sevsnp.CertificateChain{VcekCert: in.Files["endorsement_cert"]}
		evidence := &sevsnp.Attestation{Report: report, CertificateChain: chain}
		issuers, err := certificates(in.Files["ca_chain"])
		if err != nil {
			return err
		}
		root := &trust.AMDRootCerts{
			ProductLine:  productLine,
			ProductCerts: &trust.ProductCerts{Ask: issuers[0], Ark: roots[0]},
		}
		trusted := map[string][]*trust.AMDRootCerts{productLine: {root}}
		options := &verify.Options{DisableCertFetching: true, Now: in.Now, TrustedRoots: trusted}
		if err := verify.SnpAttestation(evidence, options); err != nil {
			return err
		}
		return validate.SnpAttestation(evidence, snpPolicy(in))
	}, nil
}

// snpPolicy asks for what this peer can ask for.
func snpPolicy(in inputs) *validate.Options {
	vmpl := 0
	return &validate.Options{
		GuestPolicy: abi.SnpPolicy{SMT: true},
		FamilyID:    in.Wanted["familyId"],
		ImageID:     in.Wanted["imageId"],
		ReportData:  in.Wanted["reportData"],
		HostData:    in.Wanted["hostData"],
		Measurement: in.Wanted["measurement"],
		ReportIDMA:  in.Wanted["reportIdMa"],
		ChipID:      in.Wanted["chipId"],
		VMPL:        &vmpl,
	}
}
