// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
)

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("cannot listen", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	fmt.Printf("listening on 127.0.0.1:%d (backend %s, workers %d)\n", port, runtime.Version(),
		runtime.GOMAXPROCS(0))
	return listener
}

func echo(conn net.Conn) {
	defer conn.Close()
	var bytes [16 * 1024]byte
	for {
		length, err := conn.Read(bytes[:])
		if err != nil {
			return
		}
		if _, err = conn.Write(bytes[:length]); err != nil {
			return
		}
	}
}

func serveEcho() {
	listener := listen()
	for {
		conn, err := listener.Accept()
		if err != nil {
			fail("cannot accept", err)
		}
		go echo(conn)
	}
}

func serveHTTP() {
	handler := func(to http.ResponseWriter, from *http.Request) {
		to.Header().Set("Content-Type", "text/plain")
		io.WriteString(to, "Hello from a task of libzio.\n")
	}
	fail("cannot serve", http.Serve(listen(), http.HandlerFunc(handler)))
}
