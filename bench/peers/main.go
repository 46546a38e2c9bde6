// Command peers runs other verifiers of evidence for the benchmark, each over the inputs that it is handed.
//
// Its first line of standard input is the inputs as JSON. Each further line is a number of verifications to make, and is
// answered by one line of JSON with the time that each took and the processor time of all of them.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
)

// inputs are the files of a case by role, the roots that it trusts, and what is wanted of it.
type inputs struct {
	Now    time.Time         `json:"now"`
	Files  map[string][]byte `json:"files"`
	Roots  [][]byte          `json:"roots"`
	Wanted map[string][]byte `json:"wanted"`
	Pcrs   map[int][]byte    `json:"pcrs"`
}

// verification judges the inputs from their bytes, with nothing kept from the time before but the roots, as services
// read them once.
type verification func() error

var peers = map[string]func(inputs) (verification, error){
	"go-sev-guest":   sevGuest,
	"go-tdx-guest":   tdxGuest,
	"go-attestation": attestation,
	"go-tpm-tools":   tpmTools,
}

type answer struct {
	WallMs []float64 `json:"wallMs"`
	CPUMs  float64   `json:"cpuMs"`
}

func main() {
	runtime.GOMAXPROCS(1)
	lines := bufio.NewReader(os.Stdin)
	work, err := prepare(os.Args[1], lines)
	if err != nil {
		log.Fatalf("Prepare %s failed: %v", os.Args[1], err)
	}
	for {
		var count int
		if _, err := fmt.Fscanln(lines, &count); err != nil {
			return
		}
		done, err := run(work, count)
		if err != nil {
			log.Fatalf("Verify with %s failed: %v", os.Args[1], err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
			log.Fatal(err)
		}
	}
}

func prepare(name string, lines *bufio.Reader) (verification, error) {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var in inputs
	if err := json.Unmarshal(line, &in); err != nil {
		return nil, err
	}
	peer, ok := peers[name]
	if !ok {
		return nil, fmt.Errorf("got peer %q, wanted one that is known", name)
	}
	return peer(in)
}

func run(work verification, count int) (answer, error) {
	done := answer{WallMs: make([]float64, count)}
	before := processorTime()
	for i := range done.WallMs {
		started := time.Now()
		if err := work(); err != nil {
			return answer{}, err
		}
		done.WallMs[i] = float64(time.Since(started)) / float64(time.Millisecond)
	}
	done.CPUMs = float64(processorTime()-before) / float64(time.Millisecond)
	return done, nil
}

// processorTime is that of all threads, those of the garbage collector too.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
