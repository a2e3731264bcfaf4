// SPDX-License-Identifier: MIT

// What the section `workers` of the benchmarks compares the library with, in Go: the same cases and
// the same servers. A case prints one number, a server the line that says it is ready.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"time"
)

func fail(what string, err error) {
	fmt.Fprintln(os.Stderr, what+":", err)
	os.Exit(1)
}

func median(values []int64) int64 {
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	return values[len(values)/2]
}

var began = time.Now()

func now() int64 { return int64(time.Since(began)) }

func workFor(span int64) {
	for end := now() + span; now() < end; {
	}
}

func main() {
	runtime.GOMAXPROCS(2)
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	switch name {
	case "round-trip":
		fmt.Println(roundTrip(100000, false))
	case "round-trip-apart":
		fmt.Println(roundTrip(4000, true))
	case "round-trip-asleep":
		fmt.Println(roundTripAsleep(400))
	case "wake-busy":
		fmt.Println(wake(true))
	case "wake-asleep":
		fmt.Println(wake(false))
	case "idle":
		idle()
	case "echo":
		serveEcho()
	case "http":
		serveHTTP()
	default:
		fmt.Fprintln(os.Stderr, "go: no such case:", name)
		os.Exit(2)
	}
}
