package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/ociemu"
)

// rsaBits is the default size of new API keys, and that of the key with which a function signs its calls.
const rsaBits = 2048

// costs are the processor times, in ms, of what no rotation can do without.
type costs struct {
	key, keyError float64 // making an API key: mean and standard error
	keys          int     // how many were made
	signature     float64
}

// measureCosts measures them, in the way of functions/rotate: alone on the machine, and on all cores at once, where
// they take more, as in a burst.
func measureCosts(b *bench) (alone, crowded costs, err error) {
	b.progress("making %d RSA keys", 2*b.keys)
	if alone, err = measureCost(b, 1, "alone"); err != nil {
		return alone, crowded, err
	}
	crowded, err = measureCost(b, runtime.NumCPU(), "all cores busy")
	return alone, crowded, err
}

func measureCost(b *bench, workers int, how string) (costs, error) {
	keys, err := timed(b.keys, 1, workers, func() error {
		_, err := credential.GenerateAPIKey(rsaBits)
		return err
	})
	if err != nil {
		return costs{}, err
	}
	signer, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return costs{}, fmt.Errorf("making a key to sign with: %w", err)
	}
	digest := make([]byte, crypto.SHA256.Size())
	signatures, err := timed(b.keys, 20, workers, func() error {
		_, err := rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, digest)
		return err
	})
	if err != nil {
		return costs{}, err
	}
	c := costs{keys: len(keys), signature: figure(signatures...).Median}
	c.key, c.keyError = mean(keys)
	b.report.add(
		Row{Section: burst, What: fmt.Sprintf("one RSA key of %d bits, %s", rsaBits, how), Unit: "ms CPU",
			Build:  figure(keys...),
			Detail: fmt.Sprintf("mean %.1f +- %.1f", c.key, c.keyError)},
		Row{Section: burst, What: "one RSA signature, " + how, Unit: "ms CPU", Build: figure(signatures...)})
	return c, nil
}

// timed does something n times or some more, on several cores at once, and tells the processor time of each in ms,
// averaged over a few.
func timed(n, few, workers int, do func() error) ([]float64, error) {
	var mu sync.Mutex
	var all []float64
	var failed error
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			took, err := timedHere((n+workers-1)/workers, few, do)
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, took...), errors.Join(failed, err)
		})
	}
	group.Wait()
	return all, failed
}

// timedHere does so on one thread.
func timedHere(n, few int, do func() error) ([]float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := make([]float64, n)
	for i := range took {
		before, err := threadTime()
		if err != nil {
			return nil, err
		}
		for range few {
			if err := do(); err != nil {
				return nil, err
			}
		}
		after, err := threadTime()
		if err != nil {
			return nil, err
		}
		took[i] = milliseconds(after-before) / float64(few)
	}
	return took, nil
}

// threadTime is the processor time of the calling thread.
func threadTime() (time.Duration, error) {
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0, fmt.Errorf("reading the thread's processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// signed counts the calls that had an RSA signature. The registry takes the token itself, S3 an HMAC, and the collector
// of traces a key in its address.
func signed(calls []ociemu.Call) int {
	n := 0
	for _, c := range calls {
		if !slices.Contains([]string{"registry", "s3", "apm"}, c.Service) {
			n++
		}
	}
	return n
}

// row is the processor time of a rotation, without that of the keys. Theirs varies by chance, here and where one key
// was measured, so that the difference is no better than its standard error tells. The floor is the signatures alone.
func (c costs) row(name string, total float64, rotations, keys, signatures int) Row {
	n := float64(rotations)
	share := float64(keys) / n
	row := Row{Section: burst, What: name + ": CPU, keys apart", Unit: "ms CPU", Build: figure(total/n - share*c.key),
		Detail: fmt.Sprintf("%.1f signatures", float64(signatures)/n)}.over(figure(
		float64(signatures) / n * c.signature))
	row.Detail += fmt.Sprintf(", %.1f beyond them", row.Build.Median-row.Floor.Median)
	if keys > 0 {
		off := share * c.keyError * math.Sqrt(1+float64(c.keys)/float64(keys))
		row.Detail += fmt.Sprintf("; +- %.1f; %.1f with the keys", off, total/n)
	}
	return row
}
