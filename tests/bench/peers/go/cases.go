// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

type ball struct{ sent, travelled int64 }

func lock(apart bool) {
	if apart {
		runtime.LockOSThread()
	}
}

// Nanoseconds of a round trip between two goroutines over two channels. Apart: each has a thread of
// its own; else the scheduler puts them where it likes, which is on one thread.
func roundTrip(count int64, apart bool) int64 {
	there, back := make(chan ball), make(chan ball)
	took := make(chan int64)
	go func() {
		lock(apart)
		for b := range there {
			back <- b
		}
	}()
	go func() {
		lock(apart)
		var start int64
		for i := -count / 10; i < count; i++ {
			if i == 0 {
				start = now()
			}
			there <- ball{}
			<-back
		}
		took <- (now() - start) / count
	}()
	return <-took
}

// The same, but that each side works before it answers, so that the other sleeps by then. The time
// on the way is what counts.
func roundTripAsleep(count int) int64 {
	const pause = 300_000
	there, back := make(chan ball), make(chan ball)
	trips := make(chan []int64)
	go func() {
		lock(true)
		for b := range there {
			b.travelled = now() - b.sent
			workFor(pause)
			b.sent = now()
			back <- b
		}
	}()
	go func() {
		lock(true)
		var all []int64
		for i := 0; i < count; i++ {
			workFor(pause)
			there <- ball{sent: now()}
			b := <-back
			all = append(all, b.travelled+now()-b.sent)
		}
		trips <- all
	}()
	return median(<-trips)
}

// Nanoseconds of a send on a channel by a thread of its own that wakes a goroutine. Busy: another
// goroutine never stops running.
func wake(busy bool) int64 {
	const warmUp = 100
	count, pause := int64(1000), int64(300_000)
	if busy {
		count, pause = 4000, 1000
	}
	var answered atomic.Int64
	var stop atomic.Bool
	bell := make(chan struct{}, 1)
	go func() {
		for range bell {
			answered.Add(1)
		}
	}()
	if busy {
		go func() {
			for !stop.Load() {
				runtime.Gosched()
			}
		}()
	}
	runtime.LockOSThread()
	var all []int64
	for i := int64(0); i < count+warmUp; i++ {
		for answered.Load() < i {
			runtime.Gosched()
		}
		workFor(pause)
		before := now()
		bell <- struct{}{}
		after := now()
		if i >= warmUp {
			all = append(all, after-before)
		}
	}
	stop.Store(true)
	return median(all) - clockCost()
}

// What two looks at the clock say when nothing is between them.
func clockCost() int64 {
	var all []int64
	for i := 0; i < 1000; i++ {
		before := now()
		all = append(all, now()-before)
	}
	return median(all)
}

// 1 000 goroutines that sleep and 1 000 that wait for a client's words: for who counts the wake-ups
// of this process.
func idle() {
	const count = 1000
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("cannot listen", err)
	}
	var clients []net.Conn
	for i := 0; i < count; i++ {
		go time.Sleep(time.Hour)
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			fail("cannot connect", err)
		}
		server, err := listener.Accept()
		if err != nil {
			fail("cannot accept", err)
		}
		clients = append(clients, client)
		go io.Copy(io.Discard, server)
	}
	fmt.Println("ready")
	if len(os.Args) > 2 {
		seconds, _ := strconv.Atoi(os.Args[2])
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	runtime.KeepAlive(clients)
}
