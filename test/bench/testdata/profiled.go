// Package main is no command of its own: test/bench compiles this file into a function, beside its unchanged sources,
// to get a profile of it.
package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
)

// The process writes a processor profile from its start until SIGTERM, and then one of the memory in use, and ends.
func init() {
	base := filepath.Join(os.Getenv("bench_profiles"), strconv.Itoa(os.Getpid()))
	cpu, err := os.Create(base + ".cpu")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		pprof.StopCPUProfile()
		heap, err := os.Create(base + ".heap")
		if err != nil {
			panic(err)
		}
		runtime.GC() // the profile is of what the last collection left
		if err := pprof.WriteHeapProfile(heap); err != nil {
			panic(err)
		}
		if cpu.Close() != nil || heap.Close() != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}()
}
