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
	"github.com/keyturn/keyturn/test/tenancy"
)

// rsaBits is the default size of new API keys, and of the key with which a function signs its calls.
const rsaBits = 2048

// costs are the processor times, in ms, of what every rotation needs.
type costs struct {
	key, keyError float64 // generating an API key: mean and standard error
	keys          int     // number of generated keys
	signature     float64
}

// measureCosts measures them alone on the machine, and on all cores at once. They take longer there, as in a burst.
func measureCosts(b *bench) (alone, crowded costs, err error) {
	signer, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return alone, crowded, fmt.Errorf("generating a key to sign with: %w", err)
	}
	digest := make([]byte, crypto.SHA256.Size())
	measure := func(c *costs, workers int, how string) error {
		keys, err := timed(b.keys, 1, workers, func() error {
			_, err := credential.GenerateAPIKey(rsaBits)
			return err
		})
		if err != nil {
			return err
		}
		signatures, err := timed(b.keys, 20, workers, func() error {
			_, err := rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, digest)
			return err
		})
		if err != nil {
			return err
		}
		c.keys, c.signature = len(keys), quantile(signatures, 0.5)
		c.key, c.keyError = mean(keys)
		b.add(fmt.Sprintf("one RSA key of %d bits, %s", rsaBits, how), "ms CPU", keys...).
			note("mean %.1f +- %.1f", c.key, c.keyError)
		b.add("one RSA signature, "+how, "ms CPU", signatures...)
		return nil
	}
	if err := measure(&alone, 1, "alone"); err != nil {
		return alone, crowded, err
	}
	err = measure(&crowded, runtime.NumCPU(), "all cores busy")
	return alone, crowded, err
}

// timed measures the processor time of f in ms, at least n times in all, on several threads at once. Each measurement
// is the average of a few calls.
func timed(n, few, workers int, f func() error) (all []float64, failed error) {
	measure := func() (float64, error) {
		before, err := threadTime()
		for range few {
			err = errors.Join(err, f())
		}
		after, also := threadTime()
		return milliseconds(after-before) / float64(few), errors.Join(err, also)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range (n + workers - 1) / workers {
				took, err := measure()
				mu.Lock()
				all, failed = append(all, took), errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all, failed
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

// signed counts the calls with an RSA signature. The registry takes the token itself, S3 an HMAC, and the collector of
// traces a key in its address.
func signed(calls []ociemu.Call) int {
	return count(calls, func(c ociemu.Call) bool {
		return !slices.Contains([]string{"registry", "s3", "apm"}, c.Service)
	})
}

// keysOf counts the cases for which the function generates an RSA key.
func keysOf(cases []*tenancy.Case) int {
	return count(cases, func(c *tenancy.Case) bool { return c.Kind.Record().Origin == credential.Local })
}

func count[T any](all []T, is func(T) bool) (n int) {
	for _, one := range all {
		if is(one) {
			n++
		}
	}
	return n
}

// work is what some rotations took together.
type work struct {
	rotations  int
	cpu        float64 // ms
	signatures int
	keys       int
}

// addCPU adds the processor time of a rotation without that of the keys. Theirs varies randomly, here and where one
// key was measured: the standard error says how exact the difference is. The floor is the signatures alone.
func (r *report) addCPU(name string, c costs, w work) *row {
	n := float64(w.rotations)
	signatures, keys := float64(w.signatures)/n, float64(w.keys)/n
	row := r.add(name+": CPU, keys apart", "ms CPU", w.cpu/n-keys*c.key).over(signatures * c.signature)
	row.note("%.1f signatures, %.1f beyond them", signatures, row.build.median-row.floor)
	if w.keys > 0 {
		off := keys * c.keyError * math.Sqrt(1+float64(c.keys)/float64(w.keys))
		row.note("; +- %.1f; %.1f with the keys", off, w.cpu/n)
	}
	return row
}
