package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/validate"
	"github.com/google/go-tdx-guest/verify"
)

// tdxGuest verifies a TD quote by go-tdx-guest with collateral and CRLs, then validates it.
func tdxGuest(in inputs) (verification, error) {
	roots, err := pool(in.Roots...)
	if err != nil {
		return nil, err
	}
	return func() error {
		quote, err := abi.QuoteToProto(in.Files["quote"])
		if err != nil {
			return err
		}
		now := &verify.TimeSet{
			PckCertChain: in.Now, TcbInfo: in.Now, QeIdentity: in.Now, PckCrl: in.Now, RootCaCrl: in.Now,
		}
		options := &verify.Options{
			CheckRevocations: true, GetCollateral: true, Getter: fromCase(in.Files), Now: now, TrustedRoots: roots,
		}
		if err := verify.TdxQuote(quote, options); err != nil {
			return err
		}
		return validate.TdxQuote(quote, tdxPolicy(in))
	}, nil
}

// tdxPolicy asks for what this peer can ask for.
func tdxPolicy(in inputs) *validate.Options {
	return &validate.Options{
		TdQuoteBodyOptions: validate.TdQuoteBodyOptions{
			MrSeam:        in.Wanted["MRSEAM"],
			TdAttributes:  in.Wanted["TDATTRIBUTES"],
			Xfam:          in.Wanted["XFAM"],
			MrTd:          in.Wanted["MRTD"],
			MrConfigID:    in.Wanted["MRCONFIGID"],
			MrOwner:       in.Wanted["MROWNER"],
			MrOwnerConfig: in.Wanted["MROWNERCONFIG"],
			Rtmrs:         [][]byte{in.Wanted["RTMR0"], in.Wanted["RTMR1"], in.Wanted["RTMR2"], in.Wanted["RTMR3"]},
			ReportData:    in.Wanted["REPORTDATA"],
		},
	}
}

// fromCase answers what this peer would ask of Intel's PCS out of the case's files; there is no network behind it.
type fromCase map[string][]byte

func (files fromCase) Get(address string) (map[string][]string, []byte, error) {
	answers := []struct{ in, body, header, chain string }{
		{"/tcb?fmspc=", "tcb_info", "Tcb-Info-Issuer-Chain", "tcb_info_issuer_chain"},
		{"/qe/identity", "qe_identity", "Sgx-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain"},
		{"/pckcrl?ca=", "pck_crl", "Sgx-Pck-Crl-Issuer-Chain", "pck_crl_issuer_chain"},
		{"IntelSGXRootCA", "root_ca_crl", "", ""},
	}
	for _, answer := range answers {
		if strings.Contains(address, answer.in) {
			chain := url.QueryEscape(strings.TrimSpace(string(files[answer.chain])) + "\n")
			return map[string][]string{answer.header: {chain}}, files[answer.body], nil
		}
	}
	return nil, nil, fmt.Errorf("the case has no answer for %q", address)
}
